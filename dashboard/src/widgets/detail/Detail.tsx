/** Everything about one threat: why it is one, the request, the raw record, and its way to here. */
import { useEffect, useRef } from 'preact/hooks';
import { bytes, count, score } from '../../format/number';
import { full } from '../../format/time';
import { noisyOr, sum } from '../../format/score';
import { usePage } from '../../state/context';
import type { Threat } from '../../wire/threat';
import { Outcome } from '../text/Outcome';
import { Severity } from '../text/Severity';
import { Text } from '../text/Text';
import './detail.css';
import { Proof } from './Proof';
import { StageTimes } from './StageTimes';

/** The longest value that is shown whole. */
const VALUE_CHARACTERS = 8_000;
const RAW_CHARACTERS = 65_536;

function Fact({ name, value }: { readonly name: string; readonly value: string | number | undefined }) {
  if (value === undefined || value === '') return null;
  return (
    <>
      <dt>{name}</dt>
      <dd class="mono">
        <Text value={String(value)} limit={VALUE_CHARACTERS} />
      </dd>
    </>
  );
}

function Request({ threat }: { readonly threat: Threat }) {
  const version = threat.httpVersion === undefined ? undefined : `HTTP/${threat.httpVersion}`;
  const country =
    threat.country === undefined
      ? undefined
      : [threat.country, threat.countryName].filter(Boolean).join(' · ');
  const port = threat.port === undefined ? '' : ` port ${threat.port}`;
  return (
    <dl class="facts">
      <Fact name="Time" value={full(threat.occurredAt)} />
      <Fact name="Address" value={`${threat.address ?? 'none'}${port}`} />
      <Fact name="Country" value={country} />
      <Fact name="Network" value={threat.network} />
      <Fact name="Method" value={threat.method} />
      <Fact name="URL" value={threat.url} />
      <Fact name="Host" value={threat.host} />
      <Fact name="Protocol" value={version} />
      <Fact name="Status" value={threat.status} />
      <Fact name="Body" value={threat.bodyBytes === undefined ? undefined : bytes(threat.bodyBytes)} />
      <Fact name="User agent" value={threat.userAgent} />
      <Fact name="Referrer" value={threat.referrer} />
    </dl>
  );
}

function ScoreSum({ threat }: { readonly threat: Threat }) {
  const scores = threat.detections.map((detection) => detection.score);
  if (scores.length < 2) return null;
  const same = Math.abs(noisyOr(scores) - threat.score) < 0.06;
  return (
    <section>
      <h3>Score</h3>
      <p class="mono">{sum(scores)}</p>
      <p class="quiet">
        A noisy-or: each detection takes its share of the doubt that the others leave, so more evidence always
        raises the score and never past 10.
        {same ? '' : ` The server says ${score(threat.score)}.`}
      </p>
    </section>
  );
}

export function Detail({ threat }: { readonly threat: Threat }) {
  const page = usePage();
  const heading = useRef<HTMLHeadingElement>(null);
  const close = (): void => {
    page.selected.value = undefined;
  };
  // A phone shows nothing else: the focus goes along, and back to the row afterwards.
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    return () =>
      document
        .querySelector<HTMLElement>(`.row[data-id="${CSS.escape(threat.id)}"]`)
        ?.focus({ preventScroll: true });
  }, [threat.id]);
  const first = threat.detections[0];
  return (
    <section class="panel detail" aria-label="The selected threat">
      <header>
        <h2 ref={heading} tabIndex={-1}>
          <Text value={first?.title ?? 'Threat'} />
        </h2>
        <button type="button" class="close" aria-label="Close" title="Close (Esc)" onClick={close}>
          ✕
        </button>
        <p class="line">
          <Severity severity={threat.severity} score={threat.score} />
          <Outcome value={threat.outcome} />
          {threat.address === undefined ? null : (
            <button
              type="button"
              class="plain mono address"
              title="Search the feed for this address"
              onClick={() => {
                page.searchFor(threat.address ?? '');
                if (matchMedia('(max-width: 1000px)').matches) close();
              }}
            >
              <Text value={threat.address} limit={64} />
            </button>
          )}
        </p>
      </header>
      <div class="scroll">
        <section>
          <h3>
            Why: {count(threat.detections.length)}{' '}
            {threat.detections.length === 1 ? 'detection' : 'detections'}
          </h3>
          {threat.detections.map((detection, place) => (
            <Proof key={place} detection={detection} threat={threat} />
          ))}
        </section>
        <ScoreSum threat={threat} />
        <section>
          <h3>Request</h3>
          <Request threat={threat} />
        </section>
        <section>
          <h3>Raw record{threat.truncated ? ', cut by the server' : ''}</h3>
          <pre class="raw">
            <Text value={threat.raw} limit={RAW_CHARACTERS} />
          </pre>
        </section>
        <section>
          <h3>Way to here</h3>
          <StageTimes stages={threat.stages} />
        </section>
        <section>
          <h3>Place</h3>
          <dl class="facts">
            <Fact name="Source" value={threat.source} />
            <Fact name="Offset" value={threat.offset} />
            <Fact name="Stream" value={threat.stream} />
            <Fact name="Node" value={threat.node} />
            <Fact name="Id" value={threat.id} />
          </dl>
        </section>
      </div>
    </section>
  );
}
