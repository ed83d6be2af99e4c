import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LONG } from '../support/cases.js';
import { hasChromium, launchChromium, shoot } from '../support/chromium.js';

const root = join(import.meta.dirname, '../..');
const site = join(root, 'dist/site');

/** Every file below a folder, with its path from the root. */
const filesOf = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));

const pages = filesOf('docs').filter((name) => name.endsWith('.md'));

/**
 * Whether the site is there, for the root of a server, and nothing that it is made from was changed since.
 */
function isBuilt(): boolean {
  const index = join(site, 'index.html');
  const built = statSync(index, { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined || !readFileSync(index, 'utf8').includes('"/assets/')) return false;
  const sources = ['README.md', 'CHANGELOG.md', ...pages, ...filesOf('scripts/site')];
  return sources.every((name) => statSync(join(root, name)).mtimeMs <= built);
}

const addressOf = (page: string) => page.replace(/README\.md$/, '').replace(/\.md$/, '.html');
const titleOf = (page: string) => /^# (.+)$/m.exec(readFileSync(join(root, page), 'utf8'))![1]!;

describe.skipIf(!hasChromium || !isBuilt())('the site (needs chromium and npm run site)', () => {
  let browser: Browser;
  let page: Page;
  /** Anything that must stay empty: requests that leave the site, errors, warnings. */
  const trouble: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    page = await browser.newPage();
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) trouble.push(message.text());
    });
    await page.route('**/*', (route) => {
      const { host, pathname } = new URL(route.request().url());
      const path = join(site, decodeURI(pathname.endsWith('/') ? `${pathname}index.html` : pathname));
      if (host === 'site.test' && existsSync(path)) return route.fulfill({ path });
      trouble.push(`request ${route.request().url()}`);
      return route.abort();
    });
  });
  afterAll(() => browser?.close());

  async function open(address: string, width: number): Promise<void> {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    await page.goto(`http://site.test/${address}`);
  }

  test('has every page of docs/, and README.md as its first', () => {
    const missing = pages.filter((name) => {
      const file = join(site, addressOf(name), name.endsWith('README.md') ? 'index.html' : '');
      return !existsSync(file) || !readFileSync(file, 'utf8').includes('<h1');
    });
    expect(missing).toEqual([]);
    expect(readFileSync(join(site, 'index.html'), 'utf8')).toContain('quickstart');
  });

  test('a search finds the page, and a click on what it found opens it', async () => {
    await open('', 1280);
    await page.keyboard.press('Control+k');
    for (const [word, name] of [
      ['dsnot', 'docs/sparsity.md'],
      ['kvCacheRotation', 'docs/quantization.md'],
      ['RidgepointSpeedChanged', 'docs/runbook.md'],
    ] as const) {
      await page.locator('.VPLocalSearchBox input').fill(word);
      await page
        .locator(`.VPLocalSearchBox a[href^="/${addressOf(name)}"]`)
        .first()
        .waitFor();
    }
    await shoot(page, 'site-search');
    await page.locator('.VPLocalSearchBox a[href^="/docs/runbook.html"]').first().click();
    await expect.poll(() => page.locator('.vp-doc h1').textContent()).toContain(titleOf('docs/runbook.md'));
    expect(trouble).toEqual([]);
  });

  test('on a phone no page scrolls sideways, and tables and code do in themselves', async () => {
    const looked = LONG ? pages : ['README.md', 'docs/settings.md', 'docs/graphs.md', 'docs/figures.md'];
    const wide: string[] = [];
    for (const name of looked) {
      await open(addressOf(name), 390);
      const [scroll, client] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      if (scroll !== client) wide.push(`${name}: ${scroll} px`);
    }
    expect(wide).toEqual([]);
    await open('docs/settings.html', 390);
    const table = page.locator('.vp-doc table').first();
    expect(await table.evaluate((element) => element.scrollWidth > element.clientWidth)).toBe(true);
    await table.evaluate((element) => element.scrollTo({ left: element.scrollWidth }));
    expect(await table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
    await shoot(page, 'site-phone');
    expect(trouble).toEqual([]);
  });

  test('templates and code stand as they are written', async () => {
    await open('docs/graphs.html', 1280);
    expect(await page.locator('.vp-doc').textContent()).toContain(
      'Templates have {{name}}, {{name.field.0}}',
    );
    expect(trouble).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('has a %s form', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await open('docs/settings.html', 1280);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = /\d+/.exec(background)!;
    if (colorScheme === 'light') expect(Number(red)).toBeGreaterThan(200);
    else expect(Number(red)).toBeLessThan(60);
    await shoot(page, `site-${colorScheme}`);
  });
});
