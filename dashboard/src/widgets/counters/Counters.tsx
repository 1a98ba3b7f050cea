/** The counts: threats by severity in the chosen range, open alerts, lines a second, sources. */
import type { ComponentChildren } from 'preact';
import { bytes, count, plural, rate } from '../../format/number';
import { ago } from '../../format/time';
import { visible } from '../../format/visible';
import { usePage } from '../../state/context';
import type { Severity } from '../../wire/severity';
import type { KeptState, SourceStatus, Status } from '../../wire/status';
import './counters.css';

/** Lag below this is the normal distance between a writer and a reader. */
const LAG_BYTES = 1_000_000;

interface FigureProps {
  readonly label: string;
  readonly severity?: Severity;
  readonly tone?: 'bad' | 'warn' | undefined;
  readonly title?: string | undefined;
  readonly children: ComponentChildren;
}

function Figure({ label, severity, tone, title, children }: FigureProps) {
  return (
    <div class="figure" data-severity={severity} data-tone={tone} title={title}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function describe(source: SourceStatus): string {
  const parts = [visible(source.path)];
  if (source.error !== undefined) parts.push(visible(source.error));
  if (source.note !== undefined) parts.push(visible(source.note));
  if (source.lagBytes > 0) parts.push(`${bytes(source.lagBytes)} behind`);
  if (source.unparsed > 0) parts.push(`${count(source.unparsed)} lines not understood`);
  return parts.join(': ');
}

function Sources({ status }: { readonly status: Status | undefined }) {
  const sources = status?.sources;
  if (sources === undefined) return <Figure label="Sources">–</Figure>;
  const failing = sources.filter((source) => source.error !== undefined).length;
  const lag = sources.reduce((sum, source) => sum + source.lagBytes, 0);
  const unparsed = status?.unparsedTotal ?? 0;
  const title = sources.map(describe).join('\n') || 'No log is being read';
  const behind = lag >= LAG_BYTES ? `${bytes(lag)} behind` : undefined;
  const odd = unparsed > 0 ? `${count(unparsed)} unparsed` : undefined;
  const said = failing > 0 ? `${failing} failing` : (behind ?? odd);
  return (
    <Figure
      label="Sources"
      title={title}
      tone={failing > 0 || sources.length === 0 ? 'bad' : behind === undefined ? undefined : 'warn'}
    >
      {sources.length}
      {said === undefined ? null : <small>{said}</small>}
    </Figure>
  );
}

/** What outlives a restart: when it was saved, and what of it was refused at the start. */
function Kept({ state, now }: { readonly state: KeptState | undefined; readonly now: number }) {
  const { savedAt, problem, refused } = state ?? { refused: [] };
  if (state === undefined || (savedAt === undefined && problem === undefined && refused.length === 0)) {
    return <Figure label="Saved">–</Figure>;
  }
  const title = [
    `What is known of ${plural(state.keys, 'client or other', 'clients and others')} outlives a restart`,
    problem === undefined ? undefined : `It cannot be saved: ${visible(problem)}`,
    ...refused.map((part) => `Not taken over at the start: ${visible(part)}`),
  ].filter((one) => one !== undefined);
  const odd = refused.length > 0 ? `${count(refused.length)} refused` : undefined;
  return (
    <Figure
      label="Saved"
      title={title.join('\n')}
      tone={problem !== undefined ? 'bad' : odd === undefined ? undefined : 'warn'}
    >
      {savedAt === undefined ? '–' : ago(savedAt, now)}
      <small>{problem === undefined ? (odd ?? bytes(state.bytes)) : 'failing'}</small>
    </Figure>
  );
}

export function Counters() {
  const page = usePage();
  const counts = page.counts.bySeverity.value;
  const status = page.status.value;
  const range = page.counts.range.value;
  const open = page.alerts.loaded.value ? page.alerts.open.value : page.counts.stats.value?.openAlerts;
  const lower = (counts?.low ?? 0) + (counts?.informational ?? 0);
  const shown: [Severity, string][] = [
    ['critical', 'Critical'],
    ['high', 'High'],
    ['medium', 'Medium'],
  ];
  return (
    <dl class="counters">
      {shown.map(([severity, label]) => (
        <Figure key={severity} label={label} severity={severity} title={`${label} threats, ${range.spoken}`}>
          {counts === undefined ? '–' : count(counts[severity])}
        </Figure>
      ))}
      {lower > 0 && (
        <Figure label="Lower" severity="low" title={`Low and informational threats, ${range.spoken}`}>
          {count(lower)}
        </Figure>
      )}
      <Figure label="Open alerts">{open === undefined ? '–' : count(open)}</Figure>
      <Figure
        label="Lines/s"
        title={
          status?.linesTotal === undefined ? undefined : `${count(status.linesTotal)} lines since the start`
        }
      >
        {status?.linesPerSecond === undefined ? '–' : rate(status.linesPerSecond)}
      </Figure>
      <Sources status={status} />
      <Kept state={status?.state} now={page.now.value} />
    </dl>
  );
}
