/** A threat as the server sends it (ECS names), read into the shape that the page shows. */
import { outcome, type Outcome } from './outcome';
import { list, moment, number, object, text } from './read';
import { severity, type Severity } from './severity';

/** The bytes that matched, in one view of one field. */
export interface Evidence {
  readonly field: string;
  readonly decodings: readonly string[];
  /** Byte offsets in the view that matched, not in the text as received. */
  readonly start: number;
  readonly end: number;
  readonly matched: string;
}

/** One rule or window that fired. */
export interface Detection {
  readonly ruleId: string;
  readonly title: string;
  readonly family: string;
  readonly detector: string;
  readonly score: number;
  readonly techniques: readonly string[];
  readonly evidence: readonly Evidence[];
  readonly reason: string | undefined;
}

/** A stage of the way from the log to here, and when it was done. */
export interface Stage {
  readonly name: string;
  readonly at: number;
}

export interface Threat {
  readonly id: string;
  readonly occurredAt: number;
  readonly score: number;
  readonly severity: Severity;
  readonly outcome: Outcome;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly country: string | undefined;
  readonly countryName: string | undefined;
  readonly network: string | undefined;
  readonly method: string | undefined;
  readonly url: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly host: string | undefined;
  readonly status: number | undefined;
  readonly bodyBytes: number | undefined;
  readonly httpVersion: string | undefined;
  readonly referrer: string | undefined;
  readonly userAgent: string | undefined;
  readonly raw: string;
  readonly truncated: boolean;
  readonly detections: readonly Detection[];
  readonly stages: readonly Stage[];
  readonly storedAt: number | undefined;
  readonly source: string;
  readonly stream: string;
  readonly offset: number;
  readonly node: string;
}

function readEvidence(value: unknown): Evidence {
  const it = object(value);
  return {
    field: text(it['field']) ?? '',
    decodings: list(it['decodings'], text),
    start: number(it['start']) ?? 0,
    end: number(it['end']) ?? 0,
    matched: text(it['matched']) ?? '',
  };
}

function readDetection(value: unknown): Detection {
  const it = object(value);
  return {
    ruleId: text(it['rule_id']) ?? '',
    title: text(it['title']) ?? text(it['rule_id']) ?? 'unnamed rule',
    family: text(it['family']) ?? '',
    detector: text(it['detector']) ?? 'rule',
    score: number(it['score']) ?? 0,
    techniques: list(it['techniques'], text),
    evidence: list(it['evidence'], readEvidence),
    reason: text(it['reason']),
  };
}

function readNetwork(value: unknown): string | undefined {
  const it = object(value);
  const as = number(it['number']);
  if (as === undefined) return undefined;
  const organization = text(it['organization']);
  return organization === undefined ? `AS${as}` : `AS${as} ${organization}`;
}

function readStages(value: unknown, publishedAt: number | undefined): Stage[] {
  const it = object(value);
  const named: [string, number | undefined][] = [
    ['read', moment(it['read_at'])],
    ['decoded', moment(it['decoded_at'])],
    ['detected', moment(it['detected_at'])],
    ['stored', moment(it['stored_at'])],
    ['published', publishedAt],
  ];
  return named.flatMap(([name, at]) => (at === undefined ? [] : [{ name, at }]));
}

/** Reads a threat; nothing if it has no id. `publishedAt` is the time of the frame it came in. */
export function readThreat(value: unknown, publishedAt?: number): Threat | undefined {
  const it = object(value);
  const id = text(it['id']);
  if (id === undefined) return undefined;
  const source = object(it['source']);
  const geo = object(source['geo']);
  const request = object(object(it['http'])['request']);
  const response = object(object(it['http'])['response']);
  const url = object(it['url']);
  const event = object(it['event']);
  const record = object(it['record']);
  return {
    id,
    occurredAt: moment(it['@timestamp']) ?? 0,
    score: number(it['score']) ?? 0,
    severity: severity(it['severity']),
    outcome: outcome(it['outcome']),
    address: text(source['ip']),
    port: number(source['port']),
    country: text(geo['country_iso_code']),
    countryName: text(geo['country_name']),
    network: readNetwork(source['as']),
    method: text(request['method']),
    url: text(url['original']) ?? '',
    path: text(url['path']) ?? '',
    query: text(url['query']),
    host: text(url['domain']),
    status: number(response['status_code']),
    bodyBytes: number(response['body_bytes']),
    httpVersion: text(object(it['http'])['version']),
    referrer: text(request['referrer']),
    userAgent: text(object(it['user_agent'])['original']),
    raw: text(event['original']) ?? '',
    truncated: event['truncated'] === true,
    detections: list(it['detections'], readDetection),
    stages: readStages(it['stages'], publishedAt),
    storedAt: moment(object(it['stages'])['stored_at']),
    source: text(record['source']) ?? '',
    stream: text(record['stream']) ?? '',
    offset: number(record['offset']) ?? 0,
    node: text(it['node']) ?? '',
  };
}
