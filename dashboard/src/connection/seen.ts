/** Remembers the last ids that were seen, so that what is delivered twice is shown once. */

export class Seen {
  readonly #ids = new Set<string>();

  /** At most `capacity` ids are kept; the oldest is forgotten first. */
  constructor(private readonly capacity: number) {}

  /** Whether the id is new; it is remembered from now on. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.capacity) {
      const oldest = this.#ids.values().next().value;
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
    return true;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#ids.size;
  }
}
