/**
 * The counts of a range of time: what the server counted, plus what came live since it did. The
 * server's count is fetched again soon after something came, so that a mistake never stays.
 */
import { computed, signal } from '@preact/signals';
import { noCounts, type Severity, type SeverityCounts } from '../wire/severity';
import type { Bucket, Stats } from '../wire/stats';
import type { Threat } from '../wire/threat';

/** The ranges that can be chosen. */
export const RANGES = [
  { key: '1h', label: '1 h', spoken: 'last hour', ms: 3_600_000 },
  { key: '24h', label: '24 h', spoken: 'last 24 hours', ms: 86_400_000 },
  { key: '7d', label: '7 d', spoken: 'last 7 days', ms: 604_800_000 },
] as const;

export type Range = (typeof RANGES)[number];

/** The most live threats that are remembered between two counts of the server. */
const MAX_LIVE = 20_000;

interface Live {
  readonly occurredAt: number;
  readonly storedAt: number;
  readonly severity: Severity;
}

export class Counts {
  readonly range = signal<Range>(RANGES[1]);
  readonly stats = signal<Stats | undefined>(undefined);
  readonly #live = signal<readonly Live[]>([]);

  /** How many of each severity; nothing until the server has counted. */
  readonly bySeverity = computed<SeverityCounts | undefined>(() => {
    const stats = this.stats.value;
    if (stats === undefined) return undefined;
    const counts = { ...stats.counts };
    for (const live of this.#counted.value) counts[live.severity] += 1;
    return counts;
  });

  /** The bars of the chart, oldest first. */
  readonly buckets = computed<readonly Bucket[]>(() => {
    const stats = this.stats.value;
    if (stats === undefined) return [];
    const bars = new Map(stats.buckets.map((bucket) => [bucket.start, { ...bucket.counts }]));
    for (const live of this.#counted.value) {
      const start = live.occurredAt - (live.occurredAt % stats.bucketMs);
      const counts = bars.get(start) ?? noCounts();
      counts[live.severity] += 1;
      bars.set(start, counts);
    }
    return [...bars].map(([start, counts]) => ({ start, counts })).sort((a, b) => a.start - b.start);
  });

  readonly #counted = computed(() => {
    const stats = this.stats.value;
    if (stats === undefined) return [];
    return this.#live.value.filter((live) => live.storedAt >= stats.until && live.occurredAt >= stats.since);
  });

  /** Counts a threat that came live; what the server has counted already is not counted again. */
  push(threats: readonly Threat[]): void {
    const fresh = threats.map(({ occurredAt, storedAt, severity }) => ({
      occurredAt,
      storedAt: storedAt ?? occurredAt,
      severity,
    }));
    this.#live.value = [...this.#live.value, ...fresh].slice(-MAX_LIVE);
  }

  /** Takes over what the server counted. */
  load(stats: Stats): void {
    this.stats.value = stats;
    this.#live.value = this.#live.value.filter((live) => live.storedAt >= stats.until);
  }
}

/** The shortest range that shows everything there is; so that a first start is not one thin bar. */
export function fittingRange(stats: Stats): Range {
  const first = stats.buckets.find((bucket) => Object.values(bucket.counts).some((count) => count > 0));
  const recent = first === undefined || stats.until - first.start < RANGES[0].ms;
  return recent ? RANGES[0] : RANGES[1];
}
