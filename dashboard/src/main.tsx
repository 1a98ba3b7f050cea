/** Starts the page. */
import { render } from 'preact';
import { App } from './App';
import './theme.css';
import { PageContext } from './state/context';
import { Page } from './state/page';
import { choose, theme } from './state/theme';

const root = document.getElementById('page');
if (root !== null) {
  choose(theme.value);
  const page = new Page();
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root,
  );
  page.start();
}
