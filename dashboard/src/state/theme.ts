/** Dark or light: as the system says, until the reader chooses. */
import { signal } from '@preact/signals';

export const THEMES = ['system', 'dark', 'light'] as const;

export type Theme = (typeof THEMES)[number];

const KEY = 'vigil.theme';

function stored(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'system';
  } catch {
    return 'system'; // storage is forbidden here
  }
}

export const theme = signal<Theme>(stored());

/** Draws the page in it and remembers it. */
export function choose(chosen: Theme): void {
  theme.value = chosen;
  document.documentElement.dataset['theme'] = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // storage is forbidden here: it holds until the page is closed
  }
}
