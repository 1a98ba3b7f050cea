/**
 * What a screen reader is told: the connection's changes at once, new threats as one sentence now
 * and then, so that an attack with a thousand requests does not read out a thousand lines.
 */
import { signal } from '@preact/signals';
import { plural } from '../format/number';
import type { Threat } from '../wire/threat';

const EVERY_MS = 15_000;

export class Announcer {
  readonly said = signal('');
  #threats = 0;
  #critical = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Says it now. */
  say(text: string): void {
    this.said.value = text;
  }

  /** Says soon how many there were. */
  count(threat: Threat): void {
    this.#threats += 1;
    if (threat.severity === 'critical') this.#critical += 1;
    this.#timer ??= setTimeout(() => this.#sum(), EVERY_MS);
  }

  #sum(): void {
    this.#timer = undefined;
    const critical = this.#critical > 0 ? `, ${this.#critical} critical` : '';
    this.say(`${plural(this.#threats, 'new threat')}${critical}`);
    this.#threats = 0;
    this.#critical = 0;
  }
}
