/** The alerts: what needs work first. */
import { useSignal } from '@preact/signals';
import { usePage } from '../../state/context';
import { RANKINGS, type Alert, type Ranking } from '../../wire/alert';
import { AlertCard } from './AlertCard';
import './alerts.css';

const RANKED: Readonly<Record<Ranking, string>> = {
  severity: 'Most severe first',
  outcome: 'Likely success first',
};

/** The alerts in the order they were in before, then those that came since. */
function inOrderOf(
  before: readonly string[],
  all: readonly Alert[],
  shown: readonly Alert[],
): readonly Alert[] {
  const byId = new Map(all.map((alert) => [alert.id, alert]));
  const kept = before.flatMap((id) => byId.get(id) ?? []);
  return [...kept, ...shown.filter((alert) => !before.includes(alert.id))];
}

/**
 * Resolved ones are hidden unless asked for. While the pointer is over the list nothing moves, so
 * that a second click cannot land on another alert.
 */
export function AlertList() {
  const page = usePage();
  const { alerts } = page;
  const resolved = useSignal(false);
  const all = alerts.list.value;
  const held = useSignal<readonly string[] | undefined>(undefined);
  const wanted = resolved.value ? all : all.filter((alert) => alert.state !== 'resolved');
  const shown = held.value === undefined ? wanted : inOrderOf(held.value, all, wanted);
  const hidden = all.length - all.filter((alert) => alert.state !== 'resolved').length;
  return (
    <section class="panel alerts" aria-label="Alerts">
      <header>
        <h2>Alerts</h2>
        {alerts.open.value > 0 && <span class="badge">{alerts.open.value} open</span>}
        <span class="space" />
        <label>
          <span class="spoken">Order</span>
          <select
            value={alerts.ranking.value}
            onChange={(event) => void alerts.rankBy(event.currentTarget.value as Ranking)}
          >
            {RANKINGS.map((ranking) => (
              <option key={ranking} value={ranking}>
                {RANKED[ranking]}
              </option>
            ))}
          </select>
        </label>
        {hidden > 0 && (
          <button
            type="button"
            class="plain quiet"
            aria-pressed={resolved.value}
            onClick={() => (resolved.value = !resolved.value)}
          >
            {resolved.value ? 'Hide' : 'Show'} {hidden} resolved
          </button>
        )}
      </header>
      <div
        class="scroll"
        onPointerEnter={() => (held.value = wanted.map((alert) => alert.id))}
        onPointerLeave={() => (held.value = undefined)}
      >
        {alerts.forbidden.value === undefined ? null : (
          <p class="forbidden quiet">{alerts.forbidden.value}</p>
        )}
        {shown.length === 0 ? (
          <div class="empty">
            <strong>{alerts.loaded.value ? 'Nothing to work on.' : 'Not loaded yet.'}</strong>
            <p>Threats of high severity and up are grouped into alerts by address, kind and hour.</p>
          </div>
        ) : (
          <ul>
            {shown.map((alert) => (
              <AlertCard key={alert.id} alert={alert} />
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
