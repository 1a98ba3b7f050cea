/** The severity bands of a score, from worst to least. */

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'informational'] as const;

export type Severity = (typeof SEVERITIES)[number];

/** A count for each severity. */
export type SeverityCounts = Record<Severity, number>;

/** No counts yet. */
export function noCounts(): SeverityCounts {
  return { critical: 0, high: 0, medium: 0, low: 0, informational: 0 };
}

/** The severity of that name; an unknown name reads as informational. */
export function severity(value: unknown): Severity {
  return SEVERITIES.find((one) => one === value) ?? 'informational';
}

/** Whether `one` is at least as bad as `floor`. */
export function atLeast(one: Severity, floor: Severity): boolean {
  return SEVERITIES.indexOf(one) <= SEVERITIES.indexOf(floor);
}
