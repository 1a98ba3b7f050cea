/** The bar at the top: whose page it is, the connection's state, the range and the theme. */
import { usePage } from '../../state/context';
import { RANGES } from '../../state/counts';
import { choose, theme, THEMES } from '../../state/theme';
import { Text } from '../text/Text';
import { ConnectionState } from './ConnectionState';
import './topbar.css';

const THEME_NAMES = { system: 'Theme: as the system', dark: 'Theme: dark', light: 'Theme: light' } as const;
const THEME_MARKS = { system: '◐', dark: '☾', light: '☀' } as const;

function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
  const name = THEME_NAMES[theme.value];
  return (
    <button type="button" class="theme" aria-label={name} title={name} onClick={() => choose(next)}>
      {THEME_MARKS[theme.value]}
    </button>
  );
}

function RangeChoice() {
  const page = usePage();
  return (
    <div class="range" role="group" aria-label="Range of the counts">
      {RANGES.map((range) => (
        <button
          key={range.key}
          type="button"
          aria-pressed={page.counts.range.value === range}
          title={`Count the ${range.spoken}`}
          onClick={() => page.choose(range)}
        >
          {range.label}
        </button>
      ))}
    </div>
  );
}

function Session() {
  const page = usePage();
  const [session, version] = [page.session.value, page.status.value?.version];
  return (
    <span class="session quiet">
      {session?.subject === undefined ? null : (
        <span
          title={
            session.expiresAt === undefined
              ? undefined
              : `until ${new Date(session.expiresAt).toLocaleString()}`
          }
        >
          <Text value={session.subject} limit={40} />
          {session.role === session.subject ? null : ` · ${session.role ?? ''}`}
        </span>
      )}
      {version === undefined ? null : (
        <span>
          {session?.subject === undefined ? '' : ' · '}v
          <Text value={version} limit={20} />
        </span>
      )}
    </span>
  );
}

export function TopBar() {
  return (
    <header class="topbar">
      <h1>
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path d="M4 16c3-5.6 7-8.4 12-8.4S25 10.4 28 16c-3 5.6-7 8.4-12 8.4S7 21.6 4 16Z" />
          <circle cx="16" cy="16" r="4" />
        </svg>
        Vigil
      </h1>
      <ConnectionState />
      <span class="space" />
      <Session />
      <form method="post" action="/ui/sign-out">
        <button type="submit" class="plain quiet">
          Sign out
        </button>
      </form>
      <RangeChoice />
      <ThemeButton />
    </header>
  );
}
