/** Numbers, times and scores as they are shown. */
import { describe, expect, it } from 'vitest';
import { bytes, count, plural, rate } from './number';
import { noisyOr, sum } from './score';
import { ago, axis, clock, full, span } from './time';

describe('numbers', () => {
  it('stay short', () => {
    expect(count(99_999)).toBe('99,999');
    expect(count(1_234_567)).toBe('1.2M');
    expect(rate(0)).toBe('0');
    expect(rate(0.25)).toBe('0.3');
    expect(rate(1234.6)).toBe('1,235');
    expect(bytes(999)).toBe('999 B');
    expect(bytes(1500)).toBe('1.5 kB');
    expect(bytes(250_000_000)).toBe('250 MB');
    expect(plural(1, 'threat')).toBe('1 threat');
    expect(plural(0, 'address', 'addresses')).toBe('0 addresses');
  });
});

describe('times', () => {
  const noon = new Date(2026, 10, 20, 12, 0, 0).getTime();

  it('show the clock today and the day before that', () => {
    expect(clock(noon - 5000, noon)).toBe('11:59:55');
    expect(clock(noon - 86_400_000, noon)).toBe('19 Nov 12:00');
    expect(full(Date.UTC(2026, 10, 20, 12))).toBe('2026-11-20T12:00:00.000Z');
    expect(axis(noon, 3_600_000)).toBe('12:00');
    expect(axis(noon, 7 * 86_400_000)).toBe('20 Nov');
  });

  it('say how long ago, and never a negative time', () => {
    expect(ago(noon + 9000, noon)).toBe('now');
    expect(ago(noon - 12_000, noon)).toBe('12 s ago');
    expect(span(300)).toBe('5 min');
    expect(span(7200)).toBe('2 h');
    expect(span(3 * 86_400)).toBe('3 d');
  });
});

describe('the score', () => {
  it('is the noisy-or, as the server makes it', () => {
    expect(noisyOr([5, 5])).toBeCloseTo(7.5);
    expect(noisyOr([])).toBe(0);
    expect(sum([8, 5.5])).toBe('10 × (1 − 0.20 × 0.45) = 9.1');
  });
});
