/**
 * Text from a log, an alert or anything else that an attacker may have written. Always text nodes;
 * what cannot be seen is written out, and its direction of reading stays inside.
 */
import { cut, segments } from '../../format/visible';
import './text.css';

/** What a table's cell shows at most. */
const CELL_CHARACTERS = 400;

interface Props {
  readonly value: string;
  readonly limit?: number;
}

/** The text, cut to `limit` characters. */
export function Text({ value, limit = CELL_CHARACTERS }: Props) {
  const shown = cut(value, limit);
  return (
    <bdi class="text">
      {segments(shown).map(({ text, escaped }, place) =>
        escaped ? (
          <span key={place} class="escape" title="a character that cannot be seen">
            {text}
          </span>
        ) : (
          text
        ),
      )}
      {shown.length < value.length && <span class="cut">…</span>}
    </bdi>
  );
}
