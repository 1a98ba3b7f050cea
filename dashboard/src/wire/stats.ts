/** Counts over a range of time, as the server sends them. */
import { list, moment, number, object, text } from './read';
import { noCounts, SEVERITIES, type SeverityCounts } from './severity';

/** An address, path or rule with how many threats. */
export interface Top {
  /** What to search the feed for. */
  readonly key: string;
  readonly label: string;
  /** What stands beside the label, such as a country. */
  readonly aside: string | undefined;
  readonly count: number;
}

/** A bar of the chart over time. */
export interface Bucket {
  readonly start: number;
  readonly counts: SeverityCounts;
}

export interface Stats {
  readonly since: number;
  readonly until: number;
  readonly total: number;
  readonly counts: SeverityCounts;
  readonly addresses: readonly Top[];
  readonly paths: readonly Top[];
  readonly rules: readonly Top[];
  /** False where the top lists may count too few. */
  readonly exact: boolean;
  readonly bucketMs: number;
  readonly buckets: readonly Bucket[];
  readonly openAlerts: number;
}

function readCounts(value: unknown): SeverityCounts {
  const it = object(value);
  const counts = noCounts();
  for (const severity of SEVERITIES) counts[severity] = number(it[severity]) ?? 0;
  return counts;
}

function readTop(label: string, key: string, aside?: string) {
  return (value: unknown): Top | undefined => {
    const it = object(value);
    const shown = text(it[label]);
    if (shown === undefined) return undefined;
    return {
      key: text(it[key]) ?? shown,
      label: shown,
      aside: aside === undefined ? undefined : text(it[aside]),
      count: number(it['count']) ?? 0,
    };
  };
}

function readBucket(value: unknown): Bucket | undefined {
  const it = object(value);
  const start = moment(it['start']);
  return start === undefined ? undefined : { start, counts: readCounts(it['by_severity']) };
}

/** Reads counts; `now` and `spanMs` stand in where the server does not say the range. */
export function readStats(value: unknown, now: number, spanMs: number): Stats {
  const it = object(value);
  const until = moment(it['until']) ?? now;
  return {
    since: moment(it['since']) ?? until - spanMs,
    until,
    total: number(it['total']) ?? 0,
    counts: readCounts(it['by_severity']),
    addresses: list(it['sources'], readTop('ip', 'ip', 'country_iso_code')),
    paths: list(it['paths'], readTop('path', 'path')),
    rules: list(it['rules'], readTop('title', 'title')),
    exact: it['exact'] !== false,
    bucketMs: Math.max(1000, number(it['bucket_ms']) ?? 60_000),
    buckets: list(it['over_time'], readBucket),
    openAlerts: number(object(it['alerts'])['open']) ?? 0,
  };
}
