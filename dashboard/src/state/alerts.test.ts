/** The list's order, and which answer counts when several are under way. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Alerts } from './alerts';

const NOON = Date.UTC(2026, 10, 20, 12);

function alert(id: string, more: object = {}): object {
  const at = new Date(NOON).toISOString();
  return { id, title: id, severity: 'high', state: 'open', count: 1, first_seen: at, last_seen: at, ...more };
}

/** Answers each call by its path, as late as the test wants. */
function server(answer: (path: string) => Promise<object[]> | object[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return new Response(JSON.stringify({ items: await answer(path) }));
  });
  return asked;
}

const ids = (alerts: Alerts): string[] => alerts.list.value.map(({ id }) => id);

afterEach(() => void vi.unstubAllGlobals());

describe('the alerts', () => {
  const some = [
    alert('tried', { severity: 'critical', outcome: 'attempt' }),
    alert('served', { outcome: 'likely_success' }),
    alert('seen', { state: 'acknowledged', outcome: 'likely_success' }),
    alert('unknown', { outcome: 'unknown' }),
  ];

  it('rank by severity until asked for what likely succeeded', async () => {
    const asked = server((path) =>
      some.filter((one) => path.includes(`state=${(one as { state: string }).state}`)),
    );
    const alerts = new Alerts(() => undefined);
    await alerts.load();
    expect(ids(alerts)).toEqual(['tried', 'served', 'unknown', 'seen']);
    expect(asked.every((path) => path.includes('sort=newest'))).toBe(true);
    await alerts.rankBy('outcome');
    expect(ids(alerts)).toEqual(['served', 'unknown', 'tried', 'seen']);
    expect(asked.slice(2).every((path) => path.includes('sort=outcome'))).toBe(true);
    await alerts.rankBy('outcome');
    expect(asked.length).toBe(4);
  });

  it('keep the answer to the last question, whichever comes first', async () => {
    const waiting: (() => void)[] = [];
    server(async (path) => {
      if (path.includes('state=acknowledged')) return [];
      if (path.includes('sort=outcome')) return [alert('by outcome')];
      await new Promise<void>((resolve) => waiting.push(resolve));
      return [alert('by severity')];
    });
    const alerts = new Alerts(() => undefined);
    const first = alerts.load();
    await alerts.rankBy('outcome');
    waiting.forEach((resolve) => resolve());
    await first;
    expect(ids(alerts)).toEqual(['by outcome']);
  });
});
