/** Moments and spans as people read them. Shown in the reader's own time zone; the full form names it. */

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const SHORT = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' });

const DAY_MS = 86_400_000;

/** `14:05:09` for today, `20 Nov 14:05` for another day. */
export function clock(at: number, now: number): string {
  return sameDay(at, now) ? CLOCK.format(at) : `${DAY.format(at)} ${SHORT.format(at)}`;
}

/** A label for an axis: the hour within two days, the day beyond. */
export function axis(at: number, spanMs: number): string {
  return spanMs <= 2 * DAY_MS ? SHORT.format(at) : DAY.format(at);
}

/** The whole moment in UTC, as it stands in the API. */
export function full(at: number): string {
  return new Date(at).toISOString();
}

/** How long ago: `now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  return seconds < 2 ? 'now' : `${span(seconds)} ago`;
}

/** A span of seconds in its largest unit. */
export function span(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

function sameDay(one: number, other: number): boolean {
  return Math.abs(one - other) < DAY_MS && new Date(one).getDate() === new Date(other).getDate();
}
