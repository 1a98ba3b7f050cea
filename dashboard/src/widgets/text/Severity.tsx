/** A severity as a coloured mark with its name: never by colour alone. */
import { score as shown } from '../../format/number';
import type { Severity as Name } from '../../wire/severity';
import './text.css';

interface Props {
  readonly severity: Name;
  readonly score?: number | undefined;
}

export function Severity({ severity, score }: Props) {
  return (
    <span class="severity" data-severity={severity}>
      <span class="name">{severity === 'informational' ? 'info' : severity}</span>
      {score === undefined ? null : <span class="score">{shown(score)}</span>}
    </span>
  );
}
