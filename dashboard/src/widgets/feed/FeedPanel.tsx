/** The live feed: newest first, standing still while somebody reads it. */
import { useEffect, useRef } from 'preact/hooks';
import { usePage } from '../../state/context';
import type { Threat } from '../../wire/threat';
import { EmptyFeed } from './EmptyFeed';
import { FeedTools } from './FeedTools';
import { Row } from './Row';
import './feed.css';

/** Nearer to the top than this counts as being there. */
const TOP_PIXELS = 6;

const COLUMNS = ['Severity', 'Time', 'Address', 'Request', 'Status', 'Why'];

/** Moves the focus among the rows with the arrow keys. */
function moveFocus(event: KeyboardEvent): void {
  const row = event.target instanceof Element ? event.target.closest('.row') : null;
  const rows = row?.parentElement;
  if (row === null || rows === null || rows === undefined) return;
  const target = {
    ArrowDown: row.nextElementSibling,
    ArrowUp: row.previousElementSibling,
    Home: rows.firstElementChild,
    End: rows.lastElementChild,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  if (target instanceof HTMLElement) target.focus();
}

function Rows({ threats }: { readonly threats: readonly Threat[] }) {
  const page = usePage();
  const selected = page.selected.value?.id;
  const entry = threats.some((threat) => threat.id === selected) ? selected : threats[0]?.id;
  return (
    <div
      class="rows"
      role="rowgroup"
      onKeyDown={moveFocus}
      onPointerEnter={(event) => page.feed.hold('pointer', event.pointerType === 'mouse')}
      onPointerLeave={() => page.feed.hold('pointer', false)}
      onFocusIn={(event) => page.feed.hold('keyboard', (event.target as Element).matches(':focus-visible'))}
      onFocusOut={() => page.feed.hold('keyboard', false)}
    >
      {threats.map((threat) => (
        <Row
          key={threat.id}
          threat={threat}
          selected={threat.id === selected}
          entry={threat.id === entry}
          onOpen={() => (page.selected.value = threat)}
        />
      ))}
    </div>
  );
}

export function FeedPanel() {
  const page = usePage();
  const scroll = useRef<HTMLDivElement>(null);
  const threats = page.feed.shown.value;
  const held = page.feed.held.value;

  useEffect(() => {
    if (!held && scroll.current !== null) scroll.current.scrollTop = 0;
  }, [held]);

  return (
    <section class="panel feed" aria-label="Threats">
      <FeedTools />
      <div
        class="scroll"
        ref={scroll}
        onScroll={(event) => page.feed.hold('scroll', event.currentTarget.scrollTop > TOP_PIXELS)}
      >
        {threats.length === 0 ? (
          <EmptyFeed />
        ) : (
          <div
            class="table"
            role="grid"
            aria-label="Threats, newest first"
            aria-rowcount={threats.length + 1}
          >
            <div role="rowgroup" class="head">
              <div role="row" class="columns-of-row">
                {COLUMNS.map((column) => (
                  <span key={column} role="columnheader">
                    {column}
                  </span>
                ))}
              </div>
            </div>
            <Rows threats={threats} />
          </div>
        )}
      </div>
    </section>
  );
}
