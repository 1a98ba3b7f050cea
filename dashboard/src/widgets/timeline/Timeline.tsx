/** Threats over time as stacked bars: what the server counted, growing with what comes live. */
import { useSignal } from '@preact/signals';
import { plural } from '../../format/number';
import { axis, clock, span } from '../../format/time';
import { usePage } from '../../state/context';
import { SEVERITIES } from '../../wire/severity';
import type { Bucket } from '../../wire/stats';
import './timeline.css';

/** From the bottom of a bar to its top. */
const STACKED = [...SEVERITIES].reverse();
/** The drawing's height in its own units; the page stretches it. */
const HEIGHT = 100;
const LABELS = 5;

function total(bucket: Bucket): number {
  return Object.values(bucket.counts).reduce((sum, count) => sum + count, 0);
}

/** One bar, `place` units from the left. */
function Bar({
  bucket,
  place,
  most,
}: {
  readonly bucket: Bucket;
  readonly place: number;
  readonly most: number;
}) {
  let top = HEIGHT;
  return (
    <g>
      {STACKED.map((severity) => {
        const count = bucket.counts[severity];
        if (count === 0) return null;
        const height = Math.max(1.5, (count / most) * (HEIGHT - 4));
        top -= height;
        return (
          <rect key={severity} data-severity={severity} x={place + 0.1} y={top} width={0.8} height={height} />
        );
      })}
    </g>
  );
}

function describe(bucket: Bucket, bucketMs: number): string {
  const now = Date.now();
  const worst = SEVERITIES.filter((severity) => bucket.counts[severity] > 0);
  const parts = worst.map((severity) => `${bucket.counts[severity]} ${severity}`);
  const until = clock(bucket.start + bucketMs, now);
  return `${clock(bucket.start, now)} to ${until}: ${parts.length === 0 ? 'no threats' : parts.join(', ')}`;
}

export function Timeline() {
  const page = usePage();
  const pointed = useSignal<number | undefined>(undefined);
  const buckets = page.counts.buckets.value;
  const [stats, range] = [page.counts.stats.value, page.counts.range.value];
  const most = Math.max(1, ...buckets.map(total));
  const sum = buckets.reduce((all, bucket) => all + total(bucket), 0);
  const bucketMs = stats?.bucketMs ?? 60_000;
  const one = pointed.value === undefined ? undefined : buckets[pointed.value];
  const heading = `${plural(sum, 'threat')}, ${range.spoken}`;

  const point = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * buckets.length);
    pointed.value = Math.min(Math.max(place, 0), buckets.length - 1);
  };

  return (
    <figure class="timeline">
      <figcaption>
        <span class="quiet">{one === undefined ? 'Threats over time' : describe(one, bucketMs)}</span>
        <span class="quiet most">
          {stats === undefined || sum === 0 ? '' : `peak ${most} in ${span(bucketMs / 1000)}`}
        </span>
      </figcaption>
      <svg
        class="bars"
        viewBox={`0 0 ${Math.max(1, buckets.length)} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={stats === undefined ? 'Threats over time: not counted yet' : heading}
        onPointerMove={point}
        onPointerLeave={() => (pointed.value = undefined)}
      >
        <line class="half" x1="0" x2={buckets.length} y1={HEIGHT / 2} y2={HEIGHT / 2} />
        {pointed.value === undefined ? null : (
          <rect class="pointed" x={pointed.value} y="0" width="1" height={HEIGHT} />
        )}
        {buckets.map((bucket, place) => (
          <Bar key={bucket.start} bucket={bucket} place={place} most={most} />
        ))}
        <line class="floor" x1="0" x2={Math.max(1, buckets.length)} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      <Axis buckets={buckets} spanMs={range.ms} />
    </figure>
  );
}

function Axis({ buckets, spanMs }: { readonly buckets: readonly Bucket[]; readonly spanMs: number }) {
  const places = Array.from({ length: LABELS }, (_, place) =>
    Math.round((place * (buckets.length - 1)) / (LABELS - 1)),
  );
  return (
    <div class="axis quiet" aria-hidden="true">
      {places.map((place, label) => {
        const bucket = buckets[place];
        return <span key={label}>{bucket === undefined ? '' : axis(bucket.start, spanMs)}</span>;
      })}
    </div>
  );
}
