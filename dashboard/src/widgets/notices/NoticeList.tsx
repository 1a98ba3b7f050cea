/** What the reader has to know: signed out, not delivered, the server not ready. Nothing otherwise. */
import type { ComponentChildren } from 'preact';
import { usePage } from '../../state/context';
import { sentence } from '../../state/notices';
import { Text } from '../text/Text';
import './notices.css';

interface NoticeProps {
  readonly tone: 'warn' | 'bad';
  readonly children: ComponentChildren;
}

function Notice({ tone, children }: NoticeProps) {
  return (
    <div class="notice" data-tone={tone}>
      {children}
    </div>
  );
}

function SignedOut() {
  const page = usePage();
  return (
    <Notice tone="bad">
      <p>
        You are signed out. Open a new sign-in link, or run <code>vigil token</code> and{' '}
        <a href="/ui/">sign in with the token</a>.
      </p>
      <button type="button" onClick={() => page.client.retry()}>
        Try again
      </button>
    </Notice>
  );
}

function Missing() {
  const page = usePage();
  return page.notices.missed.value.map((missed) => (
    <Notice key={missed.channel} tone="warn">
      <p>{sentence(missed)}</p>
      <button type="button" onClick={() => void page.reloadHistory(missed.channel)}>
        Reload history
      </button>
      <button type="button" onClick={() => page.notices.clear(missed.channel)}>
        Dismiss
      </button>
    </Notice>
  ));
}

export function NoticeList() {
  const page = usePage();
  const [phase, status, problem] = [page.phase.value, page.status.value, page.notices.problem.value];
  return (
    <div class="notices">
      {phase.kind === 'signed-out' && <SignedOut />}
      {phase.kind === 'refused' && (
        <Notice tone="bad">
          <p>
            <Text value={phase.why} />
          </p>
          <button type="button" onClick={() => page.client.retry()}>
            Try again
          </button>
        </Notice>
      )}
      {status?.ready === false && (
        <Notice tone="bad">
          <p>
            Vigil is not ready: <Text value={status.reasons.join('; ') || 'it does not say why'} />
          </p>
        </Notice>
      )}
      <Missing />
      {problem === undefined ? null : (
        <Notice tone="warn">
          <p>
            <Text value={problem} />
          </p>
          <button type="button" onClick={() => (page.notices.problem.value = undefined)}>
            Dismiss
          </button>
        </Notice>
      )}
    </div>
  );
}
