/** What was done to an alert, by whom and when, with its first and last threat. */
import { clock, full } from '../../format/time';
import { usePage } from '../../state/context';
import type { Alert } from '../../wire/alert';
import { Text } from '../text/Text';

const WORDS: Readonly<Record<string, string>> = {
  acknowledge: 'acknowledged it',
  resolve: 'resolved it',
  note: 'noted',
  reopen: 'opened it again: a new threat came',
};

export function Changes({ alert }: { readonly alert: Alert }) {
  const page = usePage();
  const changes = page.alerts.changes.value.get(alert.id);
  const now = page.now.value;
  const moment = (at: number) => (
    <time dateTime={full(at)} title={full(at)}>
      {clock(at, now)}
    </time>
  );
  return (
    <ol class="changes quiet">
      <li>{moment(alert.firstSeen)} first threat</li>
      {changes?.map((change, place) => (
        <li key={place}>
          {moment(change.at)} <Text value={change.by} limit={60} /> {WORDS[change.action] ?? change.action}
          {change.note === undefined ? null : (
            <q>
              <Text value={change.note} limit={2000} />
            </q>
          )}
        </li>
      ))}
      <li>{moment(alert.lastSeen)} last threat</li>
    </ol>
  );
}
