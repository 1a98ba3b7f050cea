/** A small mark for how an attack ended; nothing where that is unknown. */
import type { Outcome as Value } from '../../wire/outcome';

const WORDS = {
  likely_success: ['succeeded?', 'It was served, and not as this path is usually answered'],
  attempt: ['attempt', 'It was refused, failed, or was answered as always'],
} as const;

export function Outcome({ value }: { readonly value: Value }) {
  if (value === 'unknown') return null;
  const [word, why] = WORDS[value];
  return (
    <span class="chip outcome" data-outcome={value} title={why}>
      {word}
    </span>
  );
}
