/** Nothing is lost in silence: where a channel is resumed, and what is shown once. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { start } from './fake-socket';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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
    socket().receive({
      type: 'subscribed',
      reply_to: id,
      channel: 'threats',
      data: { position: { epoch: 'e1', offset: 7 } },
    });
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
    socket().receive({
      type: 'error',
      reply_to,
      data: { code: 'unknown_epoch', message: 'gone', retryable: false },
    });
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
    expect(socket().sent[2]).toMatchObject({
      type: 'subscribe',
      data: { since: { epoch: 'e1', offset: 3 } },
    });
    expect(seen.gaps).toEqual([]);
  });

  it('passes on a refusal, and does not ask again', () => {
    const { socket, seen } = start();
    socket().on.open();
    const reply_to = socket().sent[0]?.id;
    socket().receive({
      type: 'error',
      reply_to,
      data: { code: 'forbidden', message: 'not yours', retryable: false },
    });
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
    for (const frame of [
      '{',
      'null',
      '[]',
      '{"type":7}',
      '{"type":"threat.new"}',
      '{"type":"new.kind","id":"x"}',
    ]) {
      socket().receive(frame);
    }
    socket().on.message(new Uint8Array(3));
    expect(seen.ids).toEqual([]);
    expect(seen.phases.at(-1)).toEqual({ kind: 'live' });
  });
});
