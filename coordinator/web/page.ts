import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentPolicy, livePage } from '../../core/report/page.js';

/** Where the built page is: beside the compiled code, or in dist/ when the sources run. */
const TEMPLATES = ['../../dashboards/web/report.html', '../../dist/dashboards/web/report.html'];

export interface WebPage {
  readonly html: string;
  /** Its Content-Security-Policy. */
  readonly policy: string;
}

/** @returns the page that follows this coordinator, or null when it has not been built. */
export function readPage(): WebPage | null {
  const path = TEMPLATES.map((place) => join(import.meta.dirname, place)).find((p) => existsSync(p));
  if (path === undefined) return null;
  const template = readFileSync(path, 'utf8');
  return { html: livePage(template), policy: `${contentPolicy(template, "'self'")}; frame-ancestors 'none'` };
}
