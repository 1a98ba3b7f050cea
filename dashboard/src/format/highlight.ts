/** Finds the matched bytes of an evidence in the text that they were found in. */

/** A text with the match in its middle. */
export interface Highlight {
  readonly before: string;
  readonly match: string;
  readonly after: string;
}

/** How much is shown on either side of a match. */
const CONTEXT = 80;

/**
 * The match in its surroundings, where `value` is the view that it was found in. Offsets count
 * bytes of UTF-8; where they do not lead to the matched text (the server cut it, or wrote invalid
 * bytes as escapes) the text itself is looked for. Nothing where it is not there at all.
 */
export function highlight(value: string, matched: string, start: number): Highlight | undefined {
  if (matched === '') return undefined;
  const byOffset = characterAt(value, start);
  const place = value.startsWith(matched, byOffset) ? byOffset : value.indexOf(matched);
  if (place < 0) return undefined;
  const end = place + matched.length;
  const from = Math.max(0, place - CONTEXT);
  const to = Math.min(value.length, end + CONTEXT);
  return {
    before: (from > 0 ? '…' : '') + value.slice(from, place),
    match: value.slice(place, end),
    after: value.slice(end, to) + (to < value.length ? '…' : ''),
  };
}

/** The place in UTF-16 units of a byte offset in UTF-8. */
function characterAt(value: string, byteOffset: number): number {
  let bytes = 0;
  let place = 0;
  for (const character of value) {
    if (bytes >= byteOffset) break;
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    place += character.length;
  }
  return place;
}
