/**
 * The connection as a state machine: what happened goes in, what is to be done comes out.
 * It opens no socket, reads no clock and rolls no dice; the client around it does.
 */
import { backoff } from './backoff';
import {
  ping,
  subscribe,
  type Envelope,
  type Gap,
  type Position,
  type ServerFrame,
  type Since,
  type Welcome,
} from './frames';
import { Seen } from './seen';

/** A ping is sent this often, so that a silent connection is told from a quiet one. */
export const PING_MS = 20_000;
/** Nothing heard for this long: the stream has stalled, though the socket may look open. */
export const STALL_MS = 45_000;
/** Nothing heard for this long: the socket is given up. */
export const GIVE_UP_MS = 60_000;
/** A socket that does not open within this time is given up. */
export const OPEN_MS = 15_000;
/** A connection that held this long starts the back-off from the beginning. */
const SETTLED_MS = 10_000;
/** A subscription that was refused for now is asked for again after this, unless the server says. */
const SUBSCRIBE_AGAIN_MS = 2_000;
const REMEMBERED = 4_000;

/** What the user is told about the connection. */
export type Phase =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'stalled'; readonly heardAt: number }
  | { readonly kind: 'reconnecting'; readonly retryAt: number; readonly attempt: number }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'refused'; readonly why: string };

/** Something that happened. */
export type Input =
  | { readonly kind: 'start' }
  | { readonly kind: 'opened' }
  | { readonly kind: 'frame'; readonly frame: ServerFrame }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'tick' };

/** Something that is to be done. */
export type Effect =
  | { readonly kind: 'open' }
  | { readonly kind: 'close' }
  | { readonly kind: 'send'; readonly text: string }
  /** The socket never opened, and the browser does not say why: ask over HTTP. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'deliver'; readonly envelope: Envelope }
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'problem'; readonly message: string };

/** A channel that is wanted, and how much of its past when nothing is known yet. */
export interface Wanted {
  readonly channel: string;
  readonly last: number | undefined;
}

export class Machine {
  phase: Phase = { kind: 'connecting' };
  readonly #positions = new Map<string, Position>();
  readonly #seen = new Seen(REMEMBERED);
  readonly #pending = new Map<string, Wanted>();
  #later: { readonly at: number; readonly wanted: Wanted }[] = [];
  #attempt = 0;
  #nextId = 1;
  #openedAt: number | undefined;
  #startedAt = 0;
  #heardAt = 0;
  #pingedAt = 0;

  constructor(
    private readonly wanted: readonly Wanted[],
    private readonly random: () => number,
  ) {}

  /** Takes in what happened at the moment `now` and says what is to be done. */
  step(input: Input, now: number): Effect[] {
    switch (input.kind) {
      case 'start':
        return this.#open(now);
      case 'opened':
        return this.#opened(now);
      case 'frame':
        return this.#heard(input.frame, now);
      case 'closed':
        return this.#closed(input.code, input.reason, now);
      case 'signed-out':
        this.phase = { kind: 'signed-out' };
        return [{ kind: 'close' }];
      case 'tick':
        return this.#tick(now);
    }
  }

  #open(now: number): Effect[] {
    this.phase = { kind: 'connecting' };
    this.#openedAt = undefined;
    this.#startedAt = now;
    return [{ kind: 'open' }];
  }

  #opened(now: number): Effect[] {
    this.#openedAt = now;
    this.#heardAt = now;
    this.#pingedAt = now;
    this.phase = { kind: 'live' };
    this.#pending.clear();
    this.#later = [];
    return this.wanted.map((wanted) => this.#subscribe(wanted, this.#since(wanted)));
  }

  #since(wanted: Wanted): Since | undefined {
    if (wanted.last === undefined) return undefined;
    return this.#positions.get(wanted.channel) ?? { last: wanted.last };
  }

  #subscribe(wanted: Wanted, since: Since | undefined): Effect {
    const id = this.#id();
    this.#pending.set(id, wanted);
    return { kind: 'send', text: subscribe(id, wanted.channel, since) };
  }

  #heard(frame: ServerFrame, now: number): Effect[] {
    this.#heardAt = now;
    if (this.phase.kind === 'stalled') this.phase = { kind: 'live' };
    switch (frame.kind) {
      case 'envelope':
        return this.#envelope(frame.envelope);
      case 'gap':
        this.#move(frame.gap.channel, frame.position);
        return [{ kind: 'gap', gap: frame.gap }];
      case 'subscribed':
        return this.#subscribed(frame.replyTo, frame.position);
      case 'error':
        return this.#refused(frame, now);
      case 'heartbeat':
        for (const [channel, position] of frame.positions) this.#move(channel, position);
        return [];
      case 'welcome':
        return [{ kind: 'welcome', welcome: frame.welcome }];
      case 'expiring':
        return [
          { kind: 'problem', message: 'This session ends within a minute: sign in again to stay connected.' },
        ];
    }
  }

  #envelope(envelope: Envelope): Effect[] {
    this.#move(envelope.channel, envelope.position);
    return this.#seen.add(`${envelope.channel} ${envelope.id}`) ? [{ kind: 'deliver', envelope }] : [];
  }

  /** A channel without a past yet is resumed from where the subscription began. */
  #subscribed(replyTo: string, position: Position | undefined): Effect[] {
    const wanted = this.#pending.get(replyTo);
    this.#pending.delete(replyTo);
    if (wanted !== undefined && !this.#positions.has(wanted.channel)) this.#move(wanted.channel, position);
    return [];
  }

  /** A position that the server no longer knows is let go of, said, and asked for afresh. */
  #refused(frame: Extract<ServerFrame, { kind: 'error' }>, now: number): Effect[] {
    const wanted = frame.replyTo === undefined ? undefined : this.#pending.get(frame.replyTo);
    if (wanted === undefined) return [{ kind: 'problem', message: frame.message }];
    this.#pending.delete(frame.replyTo ?? '');
    if (frame.retryable) {
      this.#later.push({ at: now + (frame.retryAfterMs ?? SUBSCRIBE_AGAIN_MS), wanted });
      return [];
    }
    if (!this.#positions.delete(wanted.channel)) {
      return [{ kind: 'problem', message: `${wanted.channel}: ${frame.message}` }];
    }
    const gap: Gap = { channel: wanted.channel, missed: undefined, reason: frame.code };
    return [{ kind: 'gap', gap }, this.#subscribe(wanted, this.#since(wanted))];
  }

  #closed(code: number, reason: string, now: number): Effect[] {
    if (this.phase.kind === 'signed-out') return [];
    const asked = readReason(reason);
    if (code === 4001) {
      this.phase = { kind: 'signed-out' };
      return [];
    }
    if (code === 4003 || asked.reconnect === false) {
      this.phase = { kind: 'refused', why: asked.why ?? `the server closed the connection (${code})` };
      return [];
    }
    const neverOpened = this.#openedAt === undefined;
    if (!neverOpened && now - (this.#openedAt ?? now) >= SETTLED_MS) this.#attempt = 0;
    const wait = backoff(this.#attempt, this.random(), asked.retryAfterMs);
    this.#attempt += 1;
    this.phase = { kind: 'reconnecting', retryAt: now + wait, attempt: this.#attempt };
    return neverOpened ? [{ kind: 'probe' }] : [];
  }

  #tick(now: number): Effect[] {
    switch (this.phase.kind) {
      case 'reconnecting':
        return now >= this.phase.retryAt ? this.#open(now) : [];
      case 'connecting':
        return now - this.#startedAt >= OPEN_MS ? [{ kind: 'close' }] : [];
      case 'live':
      case 'stalled':
        return this.#watch(now);
      case 'signed-out':
      case 'refused':
        return [];
    }
  }

  #watch(now: number): Effect[] {
    const silent = now - this.#heardAt;
    if (silent >= GIVE_UP_MS) return [{ kind: 'close' }];
    if (silent >= STALL_MS) this.phase = { kind: 'stalled', heardAt: this.#heardAt };
    const effects = this.#subscribeAgain(now);
    if (now - this.#pingedAt >= PING_MS) {
      this.#pingedAt = now;
      effects.push({ kind: 'send', text: ping(this.#id()) });
    }
    return effects;
  }

  #subscribeAgain(now: number): Effect[] {
    const due = this.#later.filter(({ at }) => at <= now);
    this.#later = this.#later.filter(({ at }) => at > now);
    return due.map(({ wanted }) => this.#subscribe(wanted, this.#since(wanted)));
  }

  #move(channel: string, position: Position | undefined): void {
    if (position !== undefined) this.#positions.set(channel, position);
  }

  #id(): string {
    const id = String(this.#nextId);
    this.#nextId += 1;
    return id;
  }
}

interface CloseReason {
  readonly reconnect: boolean | undefined;
  readonly retryAfterMs: number;
  readonly why: string | undefined;
}

/** The reason of a close is JSON, where the server is Vigil and not a proxy before it. */
function readReason(reason: string): CloseReason {
  try {
    const it = JSON.parse(reason) as { code?: unknown; reconnect?: unknown; retry_after_ms?: unknown };
    return {
      reconnect: typeof it.reconnect === 'boolean' ? it.reconnect : undefined,
      retryAfterMs: typeof it.retry_after_ms === 'number' ? Math.max(0, it.retry_after_ms) : 0,
      why: typeof it.code === 'string' ? `the server closed the connection: ${it.code}` : undefined,
    };
  } catch {
    return { reconnect: undefined, retryAfterMs: 0, why: undefined };
  }
}
