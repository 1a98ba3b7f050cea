/** The feed keeps its bounds and stands still when held; the counts count once. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readThreat, type Threat } from '../wire/threat';
import { Counts, fittingRange } from './counts';
import { Feed, MAX_ROWS } from './feed';
import { Notices, sentence } from './notices';
import { readStats } from '../wire/stats';

const NOON = Date.UTC(2026, 10, 20, 12);

function threat(id: string, more: object = {}): Threat {
  const at = new Date(NOON).toISOString();
  const read = readThreat({ id, '@timestamp': at, severity: 'high', stages: { stored_at: at }, ...more });
  if (read === undefined) throw new Error('not a threat');
  return read;
}

const ids = (feed: Feed): string[] => feed.shown.value.map(({ id }) => id);

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

describe('the feed', () => {
  it('draws what came together, newest first', () => {
    const feed = new Feed();
    feed.push(threat('a'));
    feed.push(threat('b'));
    expect(ids(feed)).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(ids(feed)).toEqual(['b', 'a']);
  });

  it('keeps a bounded number of rows, whether it is held or not', () => {
    const feed = new Feed();
    for (let place = 0; place < MAX_ROWS * 3; place += 1) feed.push(threat(`a${place}`));
    vi.advanceTimersByTime(200);
    expect(ids(feed)).toHaveLength(MAX_ROWS);
    expect(ids(feed)[0]).toBe(`a${MAX_ROWS * 3 - 1}`);
    feed.hold('button', true);
    for (let place = 0; place < MAX_ROWS * 2; place += 1) feed.push(threat(`b${place}`));
    expect(feed.waiting.value).toBe(MAX_ROWS * 2);
    expect(ids(feed)[0]).toBe(`a${MAX_ROWS * 3 - 1}`);
    feed.release();
    expect(ids(feed)).toHaveLength(MAX_ROWS);
    expect(ids(feed)[0]).toBe(`b${MAX_ROWS * 2 - 1}`);
    expect(feed.waiting.value).toBe(0);
  });

  it('stands still until every reason is gone', () => {
    const feed = new Feed();
    feed.push(threat('before'));
    feed.hold('pointer', true);
    feed.hold('scroll', true);
    feed.push(threat('after'));
    vi.advanceTimersByTime(1000);
    expect(ids(feed)).toEqual(['before']);
    feed.hold('pointer', false);
    expect(feed.held.value).toBe(true);
    feed.hold('scroll', false);
    expect(ids(feed)).toEqual(['after', 'before']);
  });

  it('is filtered by severity and by words, also by the visible form of hidden characters', () => {
    const feed = new Feed();
    feed.push(threat('a', { url: { original: '/Admin' }, source: { ip: '203.0.113.9' } }));
    feed.push(threat('b', { severity: 'medium', url: { original: '/x\u0000' } }));
    vi.advanceTimersByTime(200);
    feed.floor.value = 'high';
    expect(ids(feed)).toEqual(['a']);
    feed.floor.value = 'informational';
    feed.search.value = 'admin 203.0';
    expect(ids(feed)).toEqual(['a']);
    feed.search.value = '\\x00';
    expect(ids(feed)).toEqual(['b']);
  });

  it('merges history in the order of time, each threat once', () => {
    const feed = new Feed();
    feed.push(threat('new'));
    vi.advanceTimersByTime(200);
    feed.merge([threat('new'), threat('old', { '@timestamp': '2026-11-19T00:00:00Z' })]);
    expect(ids(feed)).toEqual(['new', 'old']);
  });
});

describe('the counts', () => {
  const until = new Date(NOON).toISOString();
  const bar = (minutes: number, high: number) => ({
    start: new Date(NOON - minutes * 60_000).toISOString(),
    by_severity: { high },
  });
  const stats = readStats(
    {
      since: new Date(NOON - 3_600_000).toISOString(),
      until,
      by_severity: { high: 3 },
      bucket_ms: 60_000,
      over_time: [bar(1, 3)],
    },
    NOON,
    3_600_000,
  );
  const later = { '@timestamp': '2026-11-20T12:00:05Z', stages: { stored_at: '2026-11-20T12:00:06Z' } };

  it('add what came live to what the server counted, and nothing twice', () => {
    const counts = new Counts();
    counts.load(stats);
    counts.push([
      threat('counted already', { stages: { stored_at: '2026-11-20T11:59:59Z' } }),
      threat('new', later),
    ]);
    expect(counts.bySeverity.value?.high).toBe(4);
    expect(counts.buckets.value.map((one) => one.counts.high)).toEqual([3, 1]);
    counts.load({ ...stats, until: NOON + 10_000, counts: { ...stats.counts, high: 4 } });
    expect(counts.bySeverity.value?.high).toBe(4);
  });

  it('leave out what happened before the range, such as a replayed log', () => {
    const counts = new Counts();
    counts.load(stats);
    counts.push([threat('old', { ...later, '@timestamp': '2020-01-01T00:00:00Z' })]);
    expect(counts.bySeverity.value?.high).toBe(3);
  });

  it('begin with the range that shows something', () => {
    expect(fittingRange(stats).key).toBe('1h');
    const early = readStats({ until, over_time: [bar(600, 1)] }, NOON, 86_400_000);
    expect(fittingRange(early).key).toBe('24h');
  });
});

describe('the notices', () => {
  it('add up what was not delivered on a channel, until it is cleared', () => {
    const notices = new Notices();
    notices.gap({ channel: 'threats', missed: 1, reason: 'retention' });
    expect(notices.missed.value.map(sentence)).toEqual([
      '1 threat was not delivered: too old to be sent again.',
    ]);
    notices.gap({ channel: 'threats', missed: 19, reason: 'slow_consumer' });
    expect(notices.missed.value.map(sentence)).toEqual([
      '20 threats were not delivered: this page was too slow.',
    ]);
    notices.gap({ channel: 'threats', missed: undefined, reason: 'epoch_changed' });
    expect(notices.missed.value.map(sentence)[0]).toMatch(/^At least 20 threats/);
    notices.clear('threats');
    expect(notices.missed.value).toEqual([]);
  });
});
