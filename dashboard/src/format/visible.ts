/**
 * Text from attackers made safe to read: control characters, bidirectional overrides and
 * characters of no width are shown as escapes, since each of them can make a reader see something
 * else than what is there. Markup is no concern here: the page only ever makes text nodes.
 */

/** A stretch of text, either as it is or the escape of one character that cannot be seen. */
export interface Segment {
  readonly text: string;
  readonly escaped: boolean;
}

/**
 * C0 and C1 controls, soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul fillers,
 * Mongolian separators, zero-width and bidirectional characters, line and paragraph separators,
 * invisible operators, variation selectors' and tags' planes, the byte order mark, interlinear
 * marks, private and unpaired surrogates.
 */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** The text in stretches, so that an escape can be drawn differently from the same letters typed. */
export function segments(text: string): Segment[] {
  const found: Segment[] = [];
  let end = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index), escaped: false });
    found.push({ text: escape(match[0]), escaped: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end), escaped: false });
  return found;
}

/** The text with everything that cannot be seen written out: `\x1b`, `\u{202e}`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escape);
}

/** At most `limit` characters of the text; never half of a surrogate pair. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
