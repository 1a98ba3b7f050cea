/** The sum behind a score: the noisy-or of its detections. */
import { score as shown } from './number';

/** `10·(1 − ∏(1 − sᵢ/10))`: each piece of evidence takes its share of the doubt that is left. */
export function noisyOr(scores: readonly number[]): number {
  return 10 * (1 - scores.reduce((doubt, one) => doubt * (1 - one / 10), 1));
}

/** The sum written out: `10 × (1 − 0.20 × 0.45) = 9.1`. */
export function sum(scores: readonly number[]): string {
  const doubts = scores.map((one) => (1 - one / 10).toFixed(2)).join(' × ');
  return `10 × (1 − ${doubts}) = ${shown(noisyOr(scores))}`;
}
