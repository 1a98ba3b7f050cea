/** One detection and its proof: which rule, in which field, after which decoding, on which bytes. */
import { highlight } from '../../format/highlight';
import { score } from '../../format/number';
import type { Detection, Evidence, Threat } from '../../wire/threat';
import { Text } from '../text/Text';

/** The longest match that the server sends. */
const MATCH_CHARACTERS = 300;

/** The value of a field as it was received, where the page has it. */
function received(threat: Threat, field: string): string | undefined {
  switch (field) {
    case 'url.original':
      return threat.url;
    case 'url.path':
      return threat.path;
    case 'url.query':
      return threat.query;
    case 'url.domain':
      return threat.host;
    case 'user_agent.original':
      return threat.userAgent;
    case 'http.request.referrer':
      return threat.referrer;
    case 'http.request.method':
      return threat.method;
    case 'event.original':
      return threat.raw;
    default:
      return undefined;
  }
}

function Match({ evidence, threat }: { readonly evidence: Evidence; readonly threat: Threat }) {
  const raw = evidence.decodings.length === 0 ? received(threat, evidence.field) : undefined;
  const found = raw === undefined ? undefined : highlight(raw, evidence.matched, evidence.start);
  return (
    <div class="match">
      {found !== undefined && <Text value={found.before} />}
      <mark>
        <Text value={evidence.matched} limit={MATCH_CHARACTERS} />
      </mark>
      {found !== undefined && <Text value={found.after} />}
    </div>
  );
}

export function Proof({ detection, threat }: { readonly detection: Detection; readonly threat: Threat }) {
  return (
    <article class="proof">
      <p class="title">
        <strong>
          <Text value={detection.title} />
        </strong>
        <span class="score" title="How bad on its own, of 10">
          {score(detection.score)}
        </span>
      </p>
      <p class="quiet about">
        <Text value={detection.family.replaceAll('_', ' ')} limit={60} />
        {detection.techniques.map((technique) => (
          <span key={technique} class="chip" title="MITRE ATT&CK technique">
            <Text value={technique} limit={16} />
          </span>
        ))}
        <span class="mono rule" title={`${detection.detector} ${detection.ruleId}`}>
          <Text value={detection.ruleId} limit={60} />
        </span>
      </p>
      {detection.reason === undefined ? null : (
        <p>
          <Text value={detection.reason} limit={1000} />
        </p>
      )}
      {detection.evidence.map((evidence, place) => (
        <div key={place} class="evidence">
          <p class="quiet">
            <code>
              <Text value={evidence.field} limit={60} />
            </code>
            {evidence.decodings.length === 0 ? ' as received' : ' after '}
            {evidence.decodings.map((decoding) => (
              <span key={decoding} class="chip">
                <Text value={decoding} limit={30} />
              </span>
            ))}
            <span class="bytes">
              bytes {evidence.start}–{evidence.end}
            </span>
          </p>
          <Match evidence={evidence} threat={threat} />
        </div>
      ))}
    </article>
  );
}
