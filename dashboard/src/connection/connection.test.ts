import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoff } from './backoff';
import { Client, type Socket, type SocketEvents } from './client';
import type { Gap } from './frames';
import type { Phase } from './machine';

/** A socket that the test is the other end of. */
class FakeSocket implements Socket {
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
    return this.sent.findLast((frame) => frame.type === 'subscribe' && frame.channel === channel)?.data?.['since'];
  }
}

function start(signedOut = false) {
  const sockets: FakeSocket[] = [];
  const seen = { ids: [] as string[], gaps: [] as Gap[], problems: [] as string[], phases: [] as Phase[], roles: [] as unknown[] };
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

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('back-off', () => {
  it('is spread from zero to a ceiling that doubles up to half a minute', () => {
    expect(backoff(0, 0)).toBe(0);
    expect(backoff(0, 1)).toBe(500);
    expect(backoff(3, 1)).toBe(4000);
    expect(backoff(3, 0.25)).toBe(1000);
    expect(backoff(1000, 1)).toBe(30_000);
    expect(backoff(0, 1, 2000)).toBe(2500);
  });

  it('grows while the server is away and starts over after a connection that held', () => {
    const { sockets, socket, seen, phase } = start();
    for (const wait of [250, 500, 1000, 2000]) {
      socket().end();
      expect(seen.phases.at(-1)).toEqual({ kind: 'reconnecting', retryAt: Date.now() + wait, attempt: sockets.length });
      vi.advanceTimersByTime(wait);
      expect(phase()).toBe('connecting');
    }
    socket().on.open();
    vi.advanceTimersByTime(11_000);
    socket().end();
    expect(seen.phases.at(-1)).toMatchObject({ kind: 'reconnecting', retryAt: Date.now() + 250 });
  });

  it('does not start over for a server that accepts and hangs up', () => {
    const { socket, seen } = start();
    for (let round = 0; round < 3; round += 1) {
      socket().on.open();
      socket().end();
      vi.advanceTimersByTime(1000);
    }
    expect(seen.phases.findLast((phase) => phase.kind === 'reconnecting')).toMatchObject({ attempt: 3 });
  });

  it('waits as long as a draining server asks', () => {
    const { socket, seen } = start();
    socket().on.open();
    socket().end(1012, '{"code":"restart","reconnect":true,"retry_after_ms":4000}');
    expect(seen.phases.at(-1)).toMatchObject({ kind: 'reconnecting', retryAt: Date.now() + 4250 });
  });

  it('gives up a socket that does not open', () => {
    const { socket, phase } = start();
    const first = socket();
    vi.advanceTimersByTime(15_000);
    expect(first.closed).toBe(true);
    expect(phase()).toBe('reconnecting');
  });
});

describe('resume', () => {
  it('asks for the last few at first, and afterwards from the last frame seen', () => {
    const { socket } = start();
    socket().on.open();
    expect(socket().since('threats')).toEqual({ last: 100 });
    expect(socket().since('status')).toBeUndefined();
    socket().threat(41);
    socket().threat(42);
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    expect(socket().since('threats')).toEqual({ epoch: 'e1', offset: 42 });
  });

  it('resumes a channel that was silent from where the subscription began', () => {
    const { socket } = start();
    socket().on.open();
    const id = socket().sent[0]?.id;
    socket().receive({ type: 'subscribed', reply_to: id, channel: 'threats', data: { position: { epoch: 'e1', offset: 7 } } });
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    expect(socket().since('threats')).toEqual({ epoch: 'e1', offset: 7 });
  });

  it('moves past a gap, so that it is told of once', () => {
    const { socket, seen } = start();
    socket().on.open();
    const data = { from: 5, to: 24, missed: 20, reason: 'retention', epoch: 'e1' };
    socket().receive({ type: 'gap', channel: 'threats', data });
    expect(seen.gaps).toEqual([{ channel: 'threats', missed: 20, reason: 'retention' }]);
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    expect(socket().since('threats')).toEqual({ epoch: 'e1', offset: 24 });
  });

  it('says so and starts afresh when the server does not know the position any more', () => {
    const { socket, seen } = start();
    socket().on.open();
    socket().threat(3);
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    const reply_to = socket().sent[0]?.id;
    socket().receive({ type: 'error', reply_to, data: { code: 'unknown_epoch', message: 'gone', retryable: false } });
    expect(seen.gaps).toEqual([{ channel: 'threats', missed: undefined, reason: 'unknown_epoch' }]);
    expect(socket().since('threats')).toEqual({ last: 100 });
  });

  it('follows the positions in heartbeats, and says that nothing is known across epochs', () => {
    const { socket, seen } = start();
    socket().on.open();
    socket().threat(3);
    socket().receive({ type: 'ping', data: { positions: { threats: { epoch: 'e1', offset: 9 } } } });
    socket().receive({ type: 'welcome', data: { role: 'viewer' } });
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    expect(socket().since('threats')).toEqual({ epoch: 'e1', offset: 9 });
    const data = { epoch: 'e2', from: 1, to: 0, missed: 0, reason: 'epoch_changed' };
    socket().receive({ type: 'gap', channel: 'threats', data });
    expect(seen.gaps).toEqual([{ channel: 'threats', missed: undefined, reason: 'epoch_changed' }]);
    expect(seen.roles).toEqual(['viewer']);
  });

  it('asks again later, from the same position, when refused for now', () => {
    const { socket, seen } = start();
    socket().on.open();
    socket().threat(3);
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    const reply_to = socket().sent[0]?.id;
    const data = { code: 'unavailable', message: 'busy', retryable: true, retry_after_ms: 1000 };
    socket().receive({ type: 'error', reply_to, data });
    expect(socket().sent).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(socket().sent[2]).toMatchObject({ type: 'subscribe', data: { since: { epoch: 'e1', offset: 3 } } });
    expect(seen.gaps).toEqual([]);
  });

  it('passes on a refusal, and does not ask again', () => {
    const { socket, seen } = start();
    socket().on.open();
    const reply_to = socket().sent[0]?.id;
    socket().receive({ type: 'error', reply_to, data: { code: 'forbidden', message: 'not yours', retryable: false } });
    expect(seen.problems).toEqual(['threats: not yours']);
    expect(socket().sent).toHaveLength(2);
  });
});

describe('delivery', () => {
  it('shows once what comes twice', () => {
    const { socket, seen } = start();
    socket().on.open();
    socket().threat(1);
    socket().threat(2);
    socket().threat(2);
    socket().end();
    vi.advanceTimersByTime(500);
    socket().on.open();
    socket().threat(2);
    socket().threat(3);
    expect(seen.ids).toEqual(['t1', 't2', 't3']);
  });

  it('survives frames that are broken or unknown', () => {
    const { socket, seen } = start();
    socket().on.open();
    for (const frame of ['{', 'null', '[]', '{"type":7}', '{"type":"threat.new"}', '{"type":"new.kind","id":"x"}']) {
      socket().receive(frame);
    }
    socket().on.message(new Uint8Array(3));
    expect(seen.ids).toEqual([]);
    expect(seen.phases.at(-1)).toEqual({ kind: 'live' });
  });
});

describe('silence', () => {
  it('is asked about by pings, alarms after 45 s and ends the connection after 60 s', () => {
    const { socket, seen, phase } = start();
    const first = socket();
    first.on.open();
    const opened = Date.now();
    vi.advanceTimersByTime(41_000);
    expect(first.sent.filter((frame) => frame.type === 'ping')).toHaveLength(2);
    expect(phase()).toBe('live');
    vi.advanceTimersByTime(5000);
    expect(seen.phases.at(-1)).toEqual({ kind: 'stalled', heardAt: opened });
    vi.advanceTimersByTime(15_000);
    expect(first.closed).toBe(true);
    expect(['reconnecting', 'connecting']).toContain(phase());
  });

  it('ends with the next frame', () => {
    const { socket, phase } = start();
    socket().on.open();
    vi.advanceTimersByTime(46_000);
    expect(phase()).toBe('stalled');
    socket().receive({ type: 'pong' });
    expect(phase()).toBe('live');
  });
});

describe('the session', () => {
  it('is asked about when a socket will not open', async () => {
    const { sockets, socket, phase } = start(true);
    socket().end();
    await vi.advanceTimersByTimeAsync(10);
    expect(phase()).toBe('signed-out');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sockets).toHaveLength(1);
  });

  it('ends with close code 4001, and begins again when asked to', () => {
    const { client, socket, sockets, phase } = start();
    socket().on.open();
    socket().end(4001, '{"code":"expired","reconnect":false}');
    expect(phase()).toBe('signed-out');
    client.retry();
    expect(phase()).toBe('connecting');
    expect(sockets).toHaveLength(2);
  });

  it('is not tried again where the server says so', () => {
    const { socket, sockets, phase } = start();
    socket().on.open();
    socket().end(4003, '{"code":"forbidden","reconnect":false}');
    vi.advanceTimersByTime(120_000);
    expect(phase()).toBe('refused');
    expect(sockets).toHaveLength(1);
  });

  it('closes the socket when the API finds it over', () => {
    const { client, socket, phase } = start();
    socket().on.open();
    client.signedOut();
    expect(socket().closed).toBe(true);
    expect(phase()).toBe('signed-out');
  });
});
