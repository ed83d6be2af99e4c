import { readFileSync } from 'node:fs';
import { builtFile } from '../../process/package.js';
import { contentPolicy, livePage } from '../../report/page.js';

export interface WebPage {
  readonly html: string;
  /** Its Content-Security-Policy. */
  readonly policy: string;
}

/** @returns the page that follows this coordinator, or null when it has not been built. */
export function readPage(): WebPage | null {
  const path = builtFile('dashboards/web/report.html');
  if (path === null) return null;
  const template = readFileSync(path, 'utf8');
  return { html: livePage(template), policy: `${contentPolicy(template, "'self'")}; frame-ancestors 'none'` };
}
