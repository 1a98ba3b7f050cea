/**
 * Reads values out of JSON that came over the network: whatever is missing or of another kind
 * becomes a plain default, so that nothing past this folder has to doubt a shape.
 */

export type Json = Readonly<Record<string, unknown>>;

const EMPTY: Json = {};

/** The value as an object; anything else reads as an empty one. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : EMPTY;
}

/** The value as text, or nothing. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The value as a finite number, or nothing. */
export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The items that `read` understands; anything but an array reads as none. */
export function list<T>(value: unknown, read: (item: unknown) => T | undefined): T[] {
  return Array.isArray(value) ? value.map(read).filter((item) => item !== undefined) : [];
}

/** A moment in milliseconds since 1970, from RFC 3339 text. */
export function moment(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}
