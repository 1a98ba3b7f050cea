/** One threat in the feed: how bad, when, who, what, and why. */
import { Component } from 'preact';
import { clock, full } from '../../format/time';
import { visible } from '../../format/visible';
import type { Threat } from '../../wire/threat';
import { Severity } from '../text/Severity';
import { Text } from '../text/Text';

interface Props {
  readonly threat: Threat;
  readonly selected: boolean;
  /** Whether the tab key leads here. */
  readonly entry: boolean;
  readonly onOpen: () => void;
}

/** A threat never changes, so a row is drawn again only when it is chosen or left. */
export class Row extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const { threat, selected, entry } = this.props;
    return next.threat !== threat || next.selected !== selected || next.entry !== entry;
  }

  override render({ threat, selected, entry, onOpen }: Props) {
    const why = [...new Set(threat.detections.map((detection) => detection.title))].join(', ');
    const open = (event: KeyboardEvent): void => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      onOpen();
    };
    return (
      <div
        class="row columns-of-row"
        role="row"
        tabIndex={entry ? 0 : -1}
        aria-selected={selected}
        data-severity={threat.severity}
        data-id={threat.id}
        onClick={onOpen}
        onKeyDown={open}
      >
        <span role="gridcell" class="how-bad">
          <Severity severity={threat.severity} score={threat.score} />
        </span>
        <time role="gridcell" class="when" dateTime={full(threat.occurredAt)} title={full(threat.occurredAt)}>
          {clock(threat.occurredAt, Date.now())}
        </time>
        <span role="gridcell" class="who mono" title={threat.countryName}>
          <Text value={threat.address ?? 'no address'} limit={64} />
          {threat.country === undefined ? null : (
            <span class="country">
              <Text value={threat.country} limit={2} />
            </span>
          )}
        </span>
        <span role="gridcell" class="what mono" title={visible(threat.url.slice(0, 1000))}>
          <b>
            <Text value={threat.method ?? '–'} limit={16} />
          </b>{' '}
          <Text value={threat.url} />
        </span>
        <span role="gridcell" class="status" data-outcome={threat.outcome}>
          {threat.status ?? '–'}
          {threat.outcome === 'likely_success' ? <b title="It likely succeeded">!</b> : null}
        </span>
        <span role="gridcell" class="why" title={visible(why)}>
          <Text value={why} />
        </span>
      </div>
    );
  }
}
