/** For tests: a client on sockets that the test is the other end of. */
import { Client, type Socket, type SocketEvents } from './client';
import type { Gap } from './frames';
import type { Phase } from './machine';

/** A socket that the test is the other end of. */
export class FakeSocket implements Socket {
  readonly sent: { id: string; type: string; channel?: string; data?: Record<string, unknown> }[] = [];
  closed = false;

  constructor(readonly on: SocketEvents) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as (typeof this.sent)[number]);
  }
  close(): void {
    this.closed = true;
  }
  receive(frame: unknown): void {
    this.on.message(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }
  threat(offset: number, id = `t${offset}`): void {
    this.receive({ type: 'threat.new', id, channel: 'threats', epoch: 'e1', offset, data: { id } });
  }
  end(code = 1006, reason = ''): void {
    this.on.close(code, reason);
  }
  since(channel: string): unknown {
    return this.sent.findLast((frame) => frame.type === 'subscribe' && frame.channel === channel)?.data?.[
      'since'
    ];
  }
}

/** A client on fake sockets, and what it told. */
export function start(signedOut = false) {
  const sockets: FakeSocket[] = [];
  const seen = {
    ids: [] as string[],
    gaps: [] as Gap[],
    problems: [] as string[],
    phases: [] as Phase[],
    roles: [] as unknown[],
  };
  const client = new Client({
    wanted: [
      { channel: 'threats', last: 100 },
      { channel: 'status', last: undefined },
    ],
    connect: (on) => {
      const socket = new FakeSocket(on);
      sockets.push(socket);
      return socket;
    },
    isSignedOut: () => Promise.resolve(signedOut),
    random: () => 0.5,
    listener: {
      phase: (phase) => seen.phases.push(phase),
      deliver: (envelope) => seen.ids.push(envelope.id),
      welcome: (welcome) => seen.roles.push(welcome.role),
      gap: (gap) => seen.gaps.push(gap),
      problem: (message) => seen.problems.push(message),
    },
  });
  client.start();
  const socket = (): FakeSocket => {
    const last = sockets.at(-1);
    if (last === undefined) throw new Error('no socket was opened');
    return last;
  };
  return { client, sockets, socket, seen, phase: () => seen.phases.at(-1)?.kind };
}
