/** Hands the page's state to every widget. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Page } from './page';

export const PageContext = createContext<Page | undefined>(undefined);

/** The page's state. */
export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error('a widget was drawn outside of the page');
  return page;
}
