/** The page's frame: the bar, the counts, the feed, and beside it the alerts or one threat. */
import { useEffect } from 'preact/hooks';
import './app.css';
import { usePage } from './state/context';
import type { View } from './state/page';
import { AlertList } from './widgets/alerts/AlertList';
import { Counters } from './widgets/counters/Counters';
import { Detail } from './widgets/detail/Detail';
import { FeedPanel } from './widgets/feed/FeedPanel';
import { NoticeList } from './widgets/notices/NoticeList';
import { Timeline } from './widgets/timeline/Timeline';
import { TopBar } from './widgets/topbar/TopBar';
import { TopLists } from './widgets/top/TopLists';

const VIEWS: readonly [View, string][] = [
  ['threats', 'Threats'],
  ['alerts', 'Alerts'],
  ['top', 'Top'],
];

function Tabs() {
  const page = usePage();
  return (
    <nav class="tabs" aria-label="Views">
      {VIEWS.map(([view, label]) => (
        <button
          key={view}
          type="button"
          aria-current={page.view.value === view ? 'page' : undefined}
          onClick={() => (page.view.value = view)}
        >
          {label}
          {view === 'alerts' && page.alerts.open.value > 0 && (
            <span class="badge">{page.alerts.open.value}</span>
          )}
        </button>
      ))}
    </nav>
  );
}

/** Keys that work anywhere but in a text field. */
function useKeys(): void {
  const page = usePage();
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape' && !typing) page.selected.value = undefined;
      if (event.key === '/' && !typing) {
        event.preventDefault();
        page.view.value = 'threats';
        document.getElementById('search')?.focus();
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [page]);
}

export function App() {
  const page = usePage();
  useKeys();
  const kind = page.phase.value.kind;
  const old = kind !== 'live' && kind !== 'connecting';
  useEffect(() => {
    const open = page.alerts.open.value;
    const state = old ? '⚠ ' : '';
    document.title = `${state}${open > 0 ? `(${open}) ` : ''}Vigil`;
  });
  const selected = page.selected.value;
  return (
    <div class="app" data-view={page.view.value} data-detail={selected === undefined ? undefined : true}>
      <TopBar />
      <NoticeList />
      <section class="summary" aria-label="Summary" data-old={old || undefined}>
        <Counters />
        <Timeline />
      </section>
      <Tabs />
      <main class="columns" data-old={old || undefined}>
        <FeedPanel />
        <div class="side">
          {selected === undefined ? null : <Detail key={selected.id} threat={selected} />}
          <AlertList />
          <TopLists />
        </div>
      </main>
      <div class="spoken" role="status" aria-live="polite">
        {page.announcer.said.value}
      </div>
    </div>
  );
}
