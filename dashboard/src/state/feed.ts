/**
 * The feed: the newest threats, newest first, bounded in memory. While it is held (the reader
 * points at it, scrolls, or paused it) nothing moves and what comes is counted.
 */
import { batch, computed, signal } from '@preact/signals';
import { visible } from '../format/visible';
import { atLeast, type Severity } from '../wire/severity';
import type { Threat } from '../wire/threat';

/** The most rows in memory; older ones are found through the API. */
export const MAX_ROWS = 500;
/** What arrives within this time is drawn together. */
const DRAW_MS = 150;

/** Why the feed stands still. */
export type Hold = 'button' | 'pointer' | 'scroll' | 'keyboard';

export class Feed {
  /** The rows, newest first. */
  readonly rows = signal<readonly Threat[]>([]);
  /** How many came while the feed was held. */
  readonly waiting = signal(0);
  readonly holds = signal<ReadonlySet<Hold>>(new Set());
  readonly held = computed(() => this.holds.value.size > 0);
  readonly floor = signal<Severity>('informational');
  readonly search = signal('');
  /** The rows that pass the filters. */
  readonly shown = computed(() => {
    const [floor, words] = [this.floor.value, this.search.value.toLowerCase().split(/\s+/).filter(Boolean)];
    if (floor === 'informational' && words.length === 0) return this.rows.value;
    return this.rows.value.filter((threat) => atLeast(threat.severity, floor) && holds(threat, words));
  });

  /** Newest first, at most `MAX_ROWS`. */
  #inbox: Threat[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes in a threat; it is drawn soon, or when the feed is let go. */
  push(threat: Threat): void {
    this.#inbox.unshift(threat);
    if (this.#inbox.length > MAX_ROWS) this.#inbox.length = MAX_ROWS;
    if (this.held.value) this.waiting.value += 1;
    else this.#timer ??= setTimeout(() => this.#draw(), DRAW_MS);
  }

  /** Holds the feed for a reason, until every reason is gone. */
  hold(reason: Hold, on: boolean): void {
    if (this.holds.value.has(reason) === on) return;
    const holds = new Set(this.holds.value);
    if (on) holds.add(reason);
    else holds.delete(reason);
    if (holds.size === 1 && on) this.#draw();
    this.holds.value = holds;
    if (holds.size === 0) this.#draw();
  }

  /** Lets go for every reason and draws what waits. */
  release(): void {
    this.holds.value = new Set();
    this.#draw();
  }

  /** Adds threats that were fetched, in the order of when they happened. */
  merge(threats: readonly Threat[]): void {
    const byId = new Map([...threats, ...this.rows.value].map((threat) => [threat.id, threat]));
    this.rows.value = [...byId.values()].sort((a, b) => b.occurredAt - a.occurredAt).slice(0, MAX_ROWS);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const fresh = this.#inbox;
    this.#inbox = [];
    batch(() => {
      this.waiting.value = 0;
      if (fresh.length > 0) this.rows.value = [...fresh, ...this.rows.value].slice(0, MAX_ROWS);
    });
  }
}

/** Whether every word stands somewhere in the threat, as it is shown or as it was received. */
function holds(threat: Threat, words: readonly string[]): boolean {
  const titles = threat.detections.map((detection) => `${detection.title} ${detection.family}`);
  const said = [
    threat.address,
    threat.country,
    threat.method,
    threat.url,
    threat.status,
    threat.raw,
    ...titles,
  ];
  const all = said.join(' ').toLowerCase();
  return words.every((word) => all.includes(word) || visible(all).includes(word));
}
