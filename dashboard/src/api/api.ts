/**
 * The REST calls that the page makes. The session is an HttpOnly cookie: no token passes through
 * here. Every failure is an `ApiError` whose message can be shown as it stands.
 */
import { readAlert, type Alert, type AlertAction, type AlertState, type Ranking } from '../wire/alert';
import { list, object, text } from '../wire/read';
import { readStats, type Stats } from '../wire/stats';
import { readThreat, type Threat } from '../wire/threat';

const TIMEOUT_MS = 15_000;

/** What went wrong; `status` is 0 where no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function call(path: string, body?: object): Promise<unknown> {
  const sent: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`/api/v1/${path}`, { ...sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
    answer = await response.json().catch(() => undefined);
  } catch {
    throw new ApiError(0, 'the server did not answer: see the connection above');
  }
  if (response.ok) return answer;
  const said = text(object(object(answer)['error'])['message']);
  throw new ApiError(response.status, said ?? `the server answered ${response.status}`);
}

/** Counts of the last `spanMs`. */
export async function stats(spanMs: number): Promise<Stats> {
  const now = Date.now();
  const since = new Date(now - spanMs).toISOString();
  return readStats(await call(`stats?since=${encodeURIComponent(since)}`), now, spanMs);
}

/** The newest stored threats, newest first. */
export async function threats(limit: number): Promise<Threat[]> {
  return list(object(await call(`threats?limit=${limit}`))['items'], (item) => readThreat(item));
}

/** The alerts that stand in this state: the newest, or those that likely succeeded before others. */
export async function alerts(state: AlertState, ranking: Ranking): Promise<Alert[]> {
  const sort = ranking === 'outcome' ? 'outcome' : 'newest';
  return list(object(await call(`alerts?state=${state}&sort=${sort}&limit=200`))['items'], readAlert);
}

/** One alert with its changes. */
export async function alert(id: string): Promise<Alert | undefined> {
  return readAlert(await call(`alerts/${encodeURIComponent(id)}`));
}

/** Changes an alert and returns it as it is now. */
export async function change(id: string, action: AlertAction, note: string): Promise<Alert | undefined> {
  const body = note === '' ? {} : { note };
  return readAlert(await call(`alerts/${encodeURIComponent(id)}/${action}`, body));
}

/** Whether the session is over. Throws where the server does not answer. */
export async function isSignedOut(): Promise<boolean> {
  try {
    await call('alerts?limit=1');
    return false;
  } catch (error) {
    if (error instanceof ApiError && error.status > 0) return error.status === 401;
    throw error;
  }
}
