import { useCallback, useState } from 'preact/hooks';
import { useMedia } from './media.js';

export type Theme = 'light' | 'dark';
const KEY = 'ridgepoint-theme';

/** The system's theme until the reader chooses; the choice is kept where the browser lets a file keep it. */
export function useTheme(): [Theme, () => void] {
  const [chosen, setChosen] = useState<Theme | null>(stored);
  const dark = useMedia('(prefers-color-scheme: dark)');
  const theme = chosen ?? (dark ? 'dark' : 'light');
  // Before the children draw: charts read their colours from the page's style.
  document.documentElement.dataset.theme = theme;
  const toggle = useCallback(() => {
    const next = theme === 'dark' ? 'light' : 'dark';
    setChosen(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Some browsers keep nothing for files; the choice then lasts as long as the page.
    }
  }, [theme]);
  return [theme, toggle];
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : null;
  } catch {
    return null;
  }
}
