/** The addresses, paths and rules with the most threats in the chosen range. */
import { useSignal } from '@preact/signals';
import { count } from '../../format/number';
import { visible } from '../../format/visible';
import { usePage } from '../../state/context';
import type { Stats, Top } from '../../wire/stats';
import { Text } from '../text/Text';
import './top.css';

type Kind = 'addresses' | 'paths' | 'rules';

const KINDS: readonly [Kind, string][] = [
  ['addresses', 'Addresses'],
  ['paths', 'Paths'],
  ['rules', 'Rules'],
];

function Entry({ top, most }: { readonly top: Top; readonly most: number }) {
  const page = usePage();
  return (
    <li>
      <button
        type="button"
        class="plain"
        title={`Search the feed for ${visible(top.label)}`}
        onClick={() => page.searchFor(top.key)}
      >
        <svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
          <rect width={(100 * top.count) / most} height="1" />
        </svg>
        <span class="label">
          <Text value={top.label} />
          {top.aside === undefined ? null : (
            <span class="chip">
              <Text value={top.aside} limit={2} />
            </span>
          )}
        </span>
        <span class="amount">{count(top.count)}</span>
      </button>
    </li>
  );
}

function Entries({
  stats,
  kind,
  spoken,
}: {
  readonly stats: Stats | undefined;
  readonly kind: Kind;
  readonly spoken: string;
}) {
  const tops = stats?.[kind] ?? [];
  if (tops.length === 0) {
    return (
      <div class="empty">
        <strong>{stats === undefined ? 'Not counted yet.' : 'Nothing to count.'}</strong>
        <p>There were no threats in the {spoken}.</p>
      </div>
    );
  }
  const most = Math.max(1, ...tops.map((top) => top.count));
  return (
    <ol data-kind={kind}>
      {tops.map((top) => (
        <Entry key={top.key} top={top} most={most} />
      ))}
    </ol>
  );
}

export function TopLists() {
  const page = usePage();
  const kind = useSignal<Kind>('addresses');
  const stats = page.counts.stats.value;
  const { spoken } = page.counts.range.value;
  return (
    <section class="panel top" aria-label="Top addresses, paths and rules">
      <header>
        <h2>Top</h2>
        <div class="range" role="group" aria-label="Top of what">
          {KINDS.map(([key, label]) => (
            <button
              key={key}
              type="button"
              aria-pressed={kind.value === key}
              onClick={() => (kind.value = key)}
            >
              {label}
            </button>
          ))}
        </div>
        <span class="quiet">{spoken}</span>
      </header>
      <div class="scroll">
        <Entries stats={stats} kind={kind.value} spoken={spoken} />
        {stats?.exact === false && (
          <p class="quiet forbidden">Too many different ones to count them all: some counts are too low.</p>
        )}
      </div>
    </section>
  );
}
