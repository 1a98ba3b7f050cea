/** How the server itself is: the data of `status.update`. Every part of it may be missing. */
import { list, moment, number, object, text } from './read';

/** A log that is read, or that cannot be. */
export interface SourceStatus {
  readonly path: string;
  readonly lagBytes: number;
  readonly unparsed: number;
  readonly error: string | undefined;
  readonly note: string | undefined;
}

/** A bounded queue inside the server. */
export interface QueueStatus {
  readonly name: string;
  readonly length: number;
  readonly capacity: number;
}

/** What is known of clients and outlives a restart. */
export interface KeptState {
  /** When it was saved last; nothing if it was not yet. */
  readonly savedAt: number | undefined;
  readonly keys: number;
  readonly bytes: number;
  /** Why it could not be saved. */
  readonly problem: string | undefined;
  /** What of the state before could not be used at the start, and why. */
  readonly refused: readonly string[];
}

export interface Status {
  readonly uptimeSeconds: number | undefined;
  readonly linesTotal: number | undefined;
  readonly linesPerSecond: number | undefined;
  readonly threatsTotal: number | undefined;
  readonly unparsedTotal: number | undefined;
  /** Nothing where the server did not say. */
  readonly sources: readonly SourceStatus[] | undefined;
  readonly queues: readonly QueueStatus[];
  readonly connections: number | undefined;
  readonly state: KeptState;
  readonly ready: boolean | undefined;
  readonly reasons: readonly string[];
  readonly rules: number | undefined;
  readonly version: string | undefined;
}

function readSource(value: unknown): SourceStatus {
  const it = object(value);
  return {
    path: text(it['path']) ?? '',
    lagBytes: number(it['lag_bytes']) ?? 0,
    unparsed: number(it['unparsed']) ?? 0,
    error: text(it['error']),
    note: text(it['note']),
  };
}

function readQueue(value: unknown): QueueStatus {
  const it = object(value);
  return {
    name: text(it['name']) ?? '',
    length: number(it['length']) ?? 0,
    capacity: number(it['capacity']) ?? 0,
  };
}

function readState(value: unknown): KeptState {
  const it = object(value);
  return {
    savedAt: moment(it['saved_at']),
    keys: number(it['keys']) ?? 0,
    bytes: number(it['bytes']) ?? 0,
    problem: text(it['problem']),
    refused: list(object(it['restored'])['refused'], text),
  };
}

/** Reads a status. */
export function readStatus(value: unknown): Status {
  const it = object(value);
  return {
    uptimeSeconds: number(it['uptime_seconds']),
    linesTotal: number(it['lines_total']),
    linesPerSecond: number(it['lines_per_second']),
    threatsTotal: number(it['threats_total']),
    unparsedTotal: number(it['unparsed_total']),
    sources: Array.isArray(it['sources']) ? list(it['sources'], readSource) : undefined,
    queues: list(it['queues'], readQueue),
    connections: number(it['connections']),
    state: readState(it['state']),
    ready: typeof it['ready'] === 'boolean' ? it['ready'] : undefined,
    reasons: list(it['reasons'], text),
    rules: number(it['rules']),
    version: text(it['version']),
  };
}
