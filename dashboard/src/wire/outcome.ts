/** Whether an attack succeeded, as the server concludes it from the answer. */

export const OUTCOMES = ['attempt', 'unknown', 'likely_success'] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** Reads an outcome; what is none of them is unknown. */
export function outcome(value: unknown): Outcome {
  return OUTCOMES.find((one) => one === value) ?? 'unknown';
}
