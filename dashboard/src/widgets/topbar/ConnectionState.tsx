/** The connection's state: always visible, in words, with what can be done about it. */
import type { Phase } from '../../connection/machine';
import { ago } from '../../format/time';
import { usePage } from '../../state/context';

/** The state in words. */
function words(phase: Phase, now: number): string {
  switch (phase.kind) {
    case 'connecting':
      return 'Connecting…';
    case 'live':
      return 'Live';
    case 'stalled':
      return `Stalled: last heard ${ago(phase.heardAt, now)}`;
    case 'reconnecting':
      return `Reconnecting in ${Math.max(0, Math.ceil((phase.retryAt - now) / 1000))} s`;
    case 'signed-out':
      return 'Signed out';
    case 'refused':
      return 'Refused';
  }
}

export function ConnectionState() {
  const page = usePage();
  const phase = page.phase.value;
  const waiting = phase.kind === 'reconnecting' || phase.kind === 'stalled';
  return (
    <div class="connection" data-phase={phase.kind}>
      <span class="dot" aria-hidden="true" />
      <span class="words" id="connection">
        {words(phase, page.now.value)}
      </span>
      {waiting && (
        <button type="button" class="plain" onClick={() => page.client.retry()}>
          Try now
        </button>
      )}
    </div>
  );
}
