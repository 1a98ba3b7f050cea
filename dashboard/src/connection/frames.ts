/**
 * The frames of `vigil.v1.json`, as far as the page speaks it: what it sends, and what it reads.
 * Frames it does not know are skipped, so that a newer server does not break an older page.
 */
import { moment, number, object, text, type Json } from '../wire/read';

/** Where one stands in a channel's log. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** From where a subscription wants to hear: a position, or the last few publications. */
export type Since = Position | { readonly last: number };

/** A publication of a channel. */
export interface Envelope {
  readonly type: string;
  readonly id: string;
  readonly channel: string;
  readonly position: Position | undefined;
  readonly at: number | undefined;
  readonly data: unknown;
}

/** A stretch of a channel that was not delivered, and why. */
export interface Gap {
  readonly channel: string;
  readonly missed: number | undefined;
  readonly reason: string;
}

/** What the server says of itself and of the session at the start of a connection. */
export interface Welcome {
  readonly subject: string | undefined;
  readonly role: string | undefined;
  readonly node: string | undefined;
  readonly expiresAt: number | undefined;
}

export type ServerFrame =
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'expiring'; readonly at: number | undefined }
  | { readonly kind: 'subscribed'; readonly replyTo: string; readonly position: Position | undefined }
  | { readonly kind: 'envelope'; readonly envelope: Envelope }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly position: Position | undefined }
  | {
      readonly kind: 'error';
      readonly replyTo: string | undefined;
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs: number | undefined;
    }
  /** The server's ping, or its answer to ours: where each subscription stands. */
  | { readonly kind: 'heartbeat'; readonly positions: ReadonlyMap<string, Position> };

/** The frame that asks for a channel. */
export function subscribe(id: string, channel: string, since: Since | undefined): string {
  return JSON.stringify({ id, type: 'subscribe', channel, data: since === undefined ? {} : { since } });
}

/** The frame that asks whether the server is there. */
export function ping(id: string): string {
  return JSON.stringify({ id, type: 'ping' });
}

function readPosition(value: unknown): Position | undefined {
  const it = object(value);
  const [epoch, offset] = [text(it['epoch']), number(it['offset'])];
  return epoch === undefined || offset === undefined ? undefined : { epoch, offset };
}

function readWelcome(data: Json): ServerFrame {
  const welcome = {
    subject: text(data['subject']),
    role: text(data['role']),
    node: text(data['node']),
    expiresAt: moment(data['expires_at']),
  };
  return { kind: 'welcome', welcome };
}

/** What lies between two epochs is not known: there the count of missed items means nothing. */
function readGap(data: Json, channel: string): ServerFrame {
  const reason = text(data['reason']) ?? 'unknown';
  return {
    kind: 'gap',
    gap: { channel, missed: reason === 'epoch_changed' ? undefined : number(data['missed']), reason },
    position: readPosition({ epoch: data['epoch'], offset: data['to'] }),
  };
}

function readError(data: Json, replyTo: string | undefined): ServerFrame {
  return {
    kind: 'error',
    replyTo,
    code: text(data['code']) ?? 'unknown',
    message: text(data['message']) ?? 'the server refused without saying why',
    retryable: data['retryable'] === true,
    retryAfterMs: number(data['retry_after_ms']),
  };
}

function readHeartbeat(data: Json): ServerFrame {
  const positions = new Map<string, Position>();
  for (const [channel, value] of Object.entries(object(data['positions']))) {
    const position = readPosition(value);
    if (position !== undefined) positions.set(channel, position);
  }
  return { kind: 'heartbeat', positions };
}

function readEnvelope(frame: Json, type: string, channel: string): ServerFrame | undefined {
  const id = text(frame['id']);
  if (id === undefined) return undefined;
  const envelope = {
    type,
    id,
    channel,
    position: readPosition(frame),
    at: moment(frame['timestamp']),
    data: frame['data'],
  };
  return { kind: 'envelope', envelope };
}

/** Reads one text frame; nothing if it is broken or of no use here. */
export function readFrame(raw: string): ServerFrame | undefined {
  let frame: Json;
  try {
    frame = object(JSON.parse(raw));
  } catch {
    return undefined;
  }
  const channel = text(frame['channel']);
  const replyTo = text(frame['reply_to']);
  const data = object(frame['data']);
  const type = text(frame['type']);
  switch (type) {
    case undefined:
      return undefined;
    case 'welcome':
      return readWelcome(data);
    case 'expiring':
      return { kind: 'expiring', at: moment(data['expires_at']) };
    case 'ping':
    case 'pong':
      return readHeartbeat(data);
    case 'error':
      return readError(data, replyTo);
    case 'subscribed':
      return replyTo === undefined
        ? undefined
        : { kind: 'subscribed', replyTo, position: readPosition(data['position']) };
    case 'gap':
      return channel === undefined ? undefined : readGap(data, channel);
    default:
      return channel === undefined ? undefined : readEnvelope(frame, type, channel);
  }
}
