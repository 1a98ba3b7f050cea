/** How long each stage took from reading the record to publishing the threat. */
import type { Stage } from '../../wire/threat';

export function StageTimes({ stages }: { readonly stages: readonly Stage[] }) {
  const [first, last] = [stages[0], stages.at(-1)];
  if (first === undefined || last === undefined) return <p class="quiet">The server did not say.</p>;
  return (
    <>
      <ol class="stages">
        {stages.map((stage, place) => {
          const before = stages[place - 1];
          return (
            <li key={stage.name}>
              <span>{stage.name}</span>
              <span class="quiet">{before === undefined ? 'start' : `+${stage.at - before.at} ms`}</span>
            </li>
          );
        })}
      </ol>
      <p class="quiet">
        {last.at - first.at} ms from {first.name} to {last.name}.
      </p>
    </>
  );
}
