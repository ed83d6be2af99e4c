import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { renderHtml } from '../../cli/output/html.js';
import type { ResultRecord } from '../../core/result/result.js';
import { buildReport } from '../../report/build.js';
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
  /**
   * Shows a report in the one page that there is: a page for each would compile its programs again, half a
   * second of work.
   */
  open(report: Report, options?: PageOptions): Promise<OpenedPage>;
  close(): Promise<void>;
}

export async function startBrowsing(): Promise<Browsing> {
  buildPage();
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-views-'));
  const browser = await launchChromium();
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  let [count, file] = [0, ''];
  let trouble: string[] = [];
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(data|blob):/.test(url) && url !== pathToFileURL(file).href) trouble.push(`request ${url}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') trouble.push(message.text());
  });
  page.on('pageerror', (error) => trouble.push(error.message));
  return {
    browser,
    async open(report, { width = 1280, height = 900, scheme = 'light' } = {}) {
      // What a reader before chose is not known to this one.
      if (count > 0) await page.evaluate(() => localStorage.clear());
      count += 1;
      file = join(folder, `report-${count}.html`);
      trouble = [];
      writeFileSync(file, await renderHtml(report));
      await page.mouse.move(0, 0);
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme });
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

/**
 * Pages for the tests of a suite: one browser for all, and a test fails of whatever its page complains of.
 */
export function reportPages() {
  let browsing: Browsing;
  let opened: OpenedPage | null = null;
  beforeAll(async () => {
    browsing = await startBrowsing();
  });
  afterAll(() => browsing?.close());
  afterEach(() => {
    expect(opened?.trouble ?? []).toEqual([]);
    opened = null;
  });
  return {
    browser: () => browsing.browser,
    async open(report: Report, width = 1280, scheme: 'light' | 'dark' = 'light'): Promise<Page> {
      opened = await browsing.open(report, { width, scheme });
      return opened.page;
    },
  };
}

/** A report as of a sweep with two objectives. */
export const reportOf = (records: readonly ResultRecord[], sweepName: string): Report =>
  buildReport(records, {
    sweepName,
    objectives: [
      { metric: 'decodeTokensPerSecond', better: 'max' },
      { metric: 'modelBytes', better: 'min' },
    ],
  });
