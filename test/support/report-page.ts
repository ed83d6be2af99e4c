import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { renderHtml } from '../../cli/output/index.js';
import type { Report } from '../../report/report.js';
import { launchChromium } from './chromium.js';
import { buildPage } from './page.js';

export interface OpenedPage {
  readonly page: Page;
  readonly file: string;
  /** Anything that must stay empty: requests that leave the file, errors, warnings, blocked scripts. */
  readonly trouble: string[];
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
}

/** Real Chromium with report pages in a folder of their own. */
export interface Browsing {
  readonly browser: Browser;
  open(report: Report, options?: PageOptions): Promise<OpenedPage>;
  close(): Promise<void>;
}

export async function startBrowsing(): Promise<Browsing> {
  buildPage();
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-views-'));
  const browser = await launchChromium();
  let count = 0;
  return {
    browser,
    async open(report, { width = 1280, height = 900, scheme = 'light' } = {}) {
      count += 1;
      const file = join(folder, `report-${count}.html`);
      writeFileSync(file, await renderHtml(report));
      const trouble: string[] = [];
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
      page.on('request', (request) => {
        const url = request.url();
        if (!/^(data|blob):/.test(url) && url !== pathToFileURL(file).href) trouble.push(`request ${url}`);
      });
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') trouble.push(message.text());
      });
      page.on('pageerror', (error) => trouble.push(error.message));
      page.setDefaultTimeout(15_000);
      await page.goto(pathToFileURL(file).href);
      await page.waitForSelector('tbody tr[data-row]');
      return { page, file, trouble };
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
