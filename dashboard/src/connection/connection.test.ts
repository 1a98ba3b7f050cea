/** The connection's life: back-off, silence and the session's end, on a clock that the test holds. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoff } from './backoff';
import { start } from './fake-socket';

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
      expect(seen.phases.at(-1)).toEqual({
        kind: 'reconnecting',
        retryAt: Date.now() + wait,
        attempt: sockets.length,
      });
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
