/**
 * Drives the machine: holds the one WebSocket, the one timer and the real clock, and passes on
 * what is delivered. The socket and the probe are handed in, so that tests can bring their own.
 */
import { readFrame, type Envelope, type Gap, type Welcome } from './frames';
import { Machine, type Effect, type Input, type Phase, type Wanted } from './machine';

/** How often time is looked at; also the grain of the countdown to the next attempt. */
const TICK_MS = 250;

/** The part of a WebSocket that is used here. */
export interface Socket {
  send(text: string): void;
  close(): void;
}

/** What a socket tells. */
export interface SocketEvents {
  open(): void;
  message(data: unknown): void;
  close(code: number, reason: string): void;
}

/** Who wants to hear of it. */
export interface Listener {
  phase(phase: Phase): void;
  deliver(envelope: Envelope): void;
  gap(gap: Gap): void;
  welcome(welcome: Welcome): void;
  problem(message: string): void;
}

export interface ClientOptions {
  readonly wanted: readonly Wanted[];
  readonly connect: (on: SocketEvents) => Socket;
  /** Whether the session is over, asked when a socket would not open. */
  readonly isSignedOut: () => Promise<boolean>;
  readonly listener: Listener;
  readonly now?: () => number;
  readonly random?: () => number;
}

export class Client {
  readonly #machine: Machine;
  readonly #now: () => number;
  #socket: Socket | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Counts the sockets; only the newest is listened to. */
  #opened = 0;
  #told: Phase | undefined;

  constructor(private readonly options: ClientOptions) {
    this.#machine = new Machine(options.wanted, options.random ?? Math.random);
    this.#now = options.now ?? Date.now;
  }

  /** Connects now, and from then on whenever the connection is lost. */
  start(): void {
    this.#timer ??= setInterval(() => this.#step({ kind: 'tick' }), TICK_MS);
    this.#drop();
    this.#step({ kind: 'start' });
  }

  /** Connects at once where an attempt is being waited for, such as when the network is back. */
  retry(): void {
    const kind = this.#machine.phase.kind;
    if (kind !== 'live' && kind !== 'connecting') this.start();
  }

  /** Tells it what the API found out: the session is over. */
  signedOut(): void {
    this.#step({ kind: 'signed-out' });
  }

  /** Closes the socket and stops for good. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#drop();
  }

  #step(input: Input): void {
    const effects = this.#machine.step(input, this.#now());
    for (const effect of effects) this.#perform(effect);
    if (this.#machine.phase !== this.#told) {
      this.#told = this.#machine.phase;
      this.options.listener.phase(this.#told);
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'open':
        return this.#open();
      case 'close':
        return this.#abandon();
      case 'send':
        return this.#socket?.send(effect.text);
      case 'probe':
        return this.#probe();
      case 'deliver':
        return this.options.listener.deliver(effect.envelope);
      case 'welcome':
        return this.options.listener.welcome(effect.welcome);
      case 'gap':
        return this.options.listener.gap(effect.gap);
      case 'problem':
        return this.options.listener.problem(effect.message);
    }
  }

  #open(): void {
    this.#opened += 1;
    const one = this.#opened;
    // What a socket that was let go of still says is nobody's business.
    const step = (input: Input): void => {
      if (one === this.#opened) this.#step(input);
    };
    this.#socket = this.options.connect({
      open: () => step({ kind: 'opened' }),
      message: (data) => {
        const frame = typeof data === 'string' ? readFrame(data) : undefined;
        if (frame !== undefined) step({ kind: 'frame', frame });
      },
      close: (code, reason) => step({ kind: 'closed', code, reason }),
    });
  }

  /** A dead peer never confirms a close: the socket is let go of without waiting for it. */
  #abandon(): void {
    if (this.#socket === undefined) return;
    this.#drop();
    this.#step({ kind: 'closed', code: 1006, reason: '' });
  }

  #drop(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    this.#opened += 1;
    socket.close();
  }

  #probe(): void {
    this.options.isSignedOut().then(
      (signedOut) => {
        if (signedOut && this.#machine.phase.kind === 'reconnecting') this.#step({ kind: 'signed-out' });
      },
      () => undefined, // unreachable: the wait for the next attempt already runs
    );
  }
}

/** The browser's own WebSocket. */
export function webSocket(url: string, protocol: string, on: SocketEvents): Socket {
  const socket = new WebSocket(url, protocol);
  socket.onopen = () => on.open();
  socket.onmessage = (event) => on.message(event.data);
  socket.onclose = (event) => on.close(event.code, event.reason);
  return socket;
}
