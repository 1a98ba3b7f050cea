/**
 * How long to wait before the next attempt: exponential back-off with full jitter, so that
 * thousands of pages do not come back to a restarted server in step.
 */

const BASE_MS = 500;
const CAP_MS = 30_000;

/**
 * The wait in milliseconds: evenly spread between zero and `500 ms · 2^attempt`, at most 30 s.
 * What the server asked for by `retry_after_ms` is waited in any case.
 */
export function backoff(attempt: number, random: number, retryAfterMs = 0): number {
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16));
  return Math.round(retryAfterMs + random * ceiling);
}
