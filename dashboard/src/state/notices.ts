/** What the reader has to know besides the threats: what was not delivered, and what went wrong. */
import { signal } from '@preact/signals';
import type { Gap } from '../connection/frames';

const REASONS: Readonly<Record<string, string>> = {
  slow_consumer: 'this page was too slow',
  retention: 'too old to be sent again',
  conflated: 'merged with newer ones',
  epoch_changed: "the server's log began anew",
};

/** What was missed on a channel since the reader last reloaded. */
export interface Missed {
  readonly channel: string;
  /** How many are known to be missing. */
  readonly count: number;
  /** Whether there may be more than `count`. */
  readonly more: boolean;
  readonly reason: string;
}

export class Notices {
  readonly missed = signal<readonly Missed[]>([]);
  readonly problem = signal<string | undefined>(undefined);

  /** Adds a gap to what is missing on its channel. */
  gap(gap: Gap): void {
    const before = this.missed.value.find((one) => one.channel === gap.channel);
    const missed = {
      channel: gap.channel,
      count: (before?.count ?? 0) + (gap.missed ?? 0),
      more: (before?.more ?? false) || gap.missed === undefined,
      reason: REASONS[gap.reason] ?? gap.reason,
    };
    if (missed.count === 0 && !missed.more) return;
    this.missed.value = [...this.missed.value.filter((one) => one !== before), missed];
  }

  /** The reader has seen it, or has fetched what was missing. */
  clear(channel: string): void {
    this.missed.value = this.missed.value.filter((one) => one.channel !== channel);
  }
}

/** What is said of it. */
export function sentence(missed: Missed): string {
  const noun = missed.channel === 'threats' || missed.channel === 'alerts' ? missed.channel : 'messages';
  if (missed.count === 0) return `Some ${noun} may not have been delivered: ${missed.reason}.`;
  const one = missed.count === 1;
  const amount = `${missed.more ? 'At least ' : ''}${missed.count} ${one ? noun.replace(/s$/, '') : noun}`;
  return `${amount} ${one ? 'was' : 'were'} not delivered: ${missed.reason}.`;
}
