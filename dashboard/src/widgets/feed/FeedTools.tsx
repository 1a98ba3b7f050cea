/** Above the feed: the filters, the pause button, and how many wait. */
import { plural } from '../../format/number';
import { usePage } from '../../state/context';
import { SEVERITIES, type Severity } from '../../wire/severity';

const FLOORS: Readonly<Record<Severity, string>> = {
  critical: 'Critical',
  high: 'High and up',
  medium: 'Medium and up',
  low: 'Low and up',
  informational: 'All severities',
};

/** Why the feed stands still, in words. */
function why(holds: ReadonlySet<string>): string {
  if (holds.has('button')) return 'Paused';
  if (holds.has('scroll')) return 'Paused while you read below';
  return 'Paused while you read';
}

export function FeedTools() {
  const { feed } = usePage();
  const paused = feed.holds.value.has('button');
  const waiting = feed.waiting.value;
  return (
    <header>
      <h2>Threats</h2>
      <label>
        <span class="spoken">Search the feed</span>
        <input
          id="search"
          type="search"
          placeholder="Search: address, URL, rule…  ( / )"
          value={feed.search.value}
          onInput={(event) => (feed.search.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') feed.search.value = '';
          }}
        />
      </label>
      <label>
        <span class="spoken">Least severity</span>
        <select
          value={feed.floor.value}
          onChange={(event) => (feed.floor.value = event.currentTarget.value as Severity)}
        >
          {SEVERITIES.map((severity) => (
            <option key={severity} value={severity}>
              {FLOORS[severity]}
            </option>
          ))}
        </select>
      </label>
      <span class="space" />
      {feed.held.value && <span class="quiet held">{why(feed.holds.value)}</span>}
      {waiting > 0 && (
        <button type="button" class="strong" onClick={() => feed.release()}>
          ↑ {plural(waiting, 'new', 'new')}
        </button>
      )}
      <button
        type="button"
        aria-pressed={paused}
        onClick={() => (paused ? feed.release() : feed.hold('button', true))}
      >
        {paused ? 'Resume' : 'Pause'}
      </button>
    </header>
  );
}
