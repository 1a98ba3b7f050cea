/** One alert: what it is, where it stands, and what can be done about it. */
import { useSignal } from '@preact/signals';
import { plural, score } from '../../format/number';
import { ago, full } from '../../format/time';
import { usePage } from '../../state/context';
import type { Alert, AlertAction } from '../../wire/alert';
import { Outcome } from '../text/Outcome';
import { Severity } from '../text/Severity';
import { Text } from '../text/Text';
import { Changes } from './Changes';

function Actions({ alert, open }: { readonly alert: Alert; readonly open: boolean }) {
  const { alerts } = usePage();
  const note = useSignal('');
  const why = alerts.forbidden.value;
  const disabled = why !== undefined || alerts.busy.value.has(alert.id);
  const act = async (action: AlertAction): Promise<void> => {
    if (await alerts.change(alert.id, action, note.value.trim())) note.value = '';
  };
  const button = (action: AlertAction, label: string, off = false) => (
    <button type="button" disabled={disabled || off} title={why} onClick={() => void act(action)}>
      {label}
    </button>
  );
  return (
    <div class="actions">
      {open && (
        <input
          type="text"
          aria-label="Note"
          placeholder="Note (goes with what you do)"
          maxLength={2000}
          disabled={why !== undefined}
          value={note.value}
          onInput={(event) => (note.value = event.currentTarget.value)}
        />
      )}
      {alert.state === 'open' && button('acknowledge', 'Acknowledge')}
      {alert.state !== 'resolved' && button('resolve', 'Resolve')}
      {open && button('note', 'Add note', note.value.trim() === '')}
    </div>
  );
}

export function AlertCard({ alert }: { readonly alert: Alert }) {
  const page = usePage();
  const open = useSignal(false);
  const failure = page.alerts.failures.value.get(alert.id);
  const now = page.now.value;
  const toggle = (): void => {
    open.value = !open.value;
    if (open.value) void page.alerts.loadChanges(alert.id);
  };
  return (
    <li class="alert" data-severity={alert.severity} data-state={alert.state} data-id={alert.id}>
      <p class="title">
        <button type="button" class="plain" aria-expanded={open.value} onClick={toggle}>
          <Text value={alert.title} limit={200} />
        </button>
        <span class="state">
          {alert.state}
          {alert.assignee === undefined || alert.state === 'open' ? null : (
            <>
              {' by '}
              <Text value={alert.assignee} limit={60} />
            </>
          )}
        </span>
      </p>
      <p class="line">
        <Severity severity={alert.severity} />
        <Outcome value={alert.outcome} />
        <button
          type="button"
          class="plain mono"
          disabled={alert.address === undefined}
          title="Search the feed for this address"
          onClick={() => page.searchFor(alert.address ?? '')}
        >
          <Text value={alert.address ?? 'no address'} limit={64} />
        </button>
        {alert.country === undefined ? null : (
          <span class="chip">
            <Text value={alert.country} limit={2} />
          </span>
        )}
        <span class="quiet" title={`score ${score(alert.score)}`}>
          {plural(alert.count, 'threat')}
        </span>
        <time
          class="quiet"
          dateTime={full(alert.lastSeen)}
          title={`first ${full(alert.firstSeen)}\nlast ${full(alert.lastSeen)}`}
        >
          {ago(alert.lastSeen, now)}
        </time>
      </p>
      {open.value && <Changes alert={alert} />}
      {failure === undefined ? null : (
        <p class="failure" role="alert">
          <Text value={failure} />
        </p>
      )}
      <Actions alert={alert} open={open.value} />
    </li>
  );
}
