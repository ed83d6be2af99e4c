import type { ComponentChildren } from 'preact';
import type { Theme } from './theme.js';

interface TopLineProps {
  readonly theme: Theme;
  onTheme(): void;
  /** What stands beside the mark. */
  readonly children?: ComponentChildren;
}

/** The mark, where one can go, and the theme. */
export function TopLine({ theme, onTheme, children }: TopLineProps) {
  return (
    <div class="top-line">
      <Wordmark />
      {children}
      <span class="spring" />
      <button
        type="button"
        class="plain"
        onClick={onTheme}
        aria-label={`Switch to the ${theme === 'dark' ? 'light' : 'dark'} theme`}
      >
        {theme === 'dark' ? 'Light' : 'Dark'}
      </button>
    </div>
  );
}

/** The mark is a roofline with its ridge point. */
function Wordmark() {
  return (
    <span class="wordmark">
      <svg viewBox="0 0 34 18" width="34" height="18" aria-hidden="true">
        <path
          d="M1 17 L17 4 H33"
          fill="none"
          stroke="currentColor"
          stroke-width="2"
          stroke-linejoin="round"
        />
        <circle cx="17" cy="4" r="3.2" class="ridge" />
      </svg>
      Ridgepoint
    </span>
  );
}
