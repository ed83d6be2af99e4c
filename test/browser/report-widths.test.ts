import { describe, expect, test } from 'vitest';
import { hasChromium, shoot } from '../support/chromium.js';
import { experimentOf } from '../support/experiments.js';
import { completeTrial } from '../support/records.js';
import { reportOf, reportPages } from '../support/report-page.js';
import { sweepRecords } from '../support/sweep-records.js';
import { waysRecords } from '../support/ways-records.js';

describe.skipIf(!hasChromium)('report page on narrow screens (needs chromium)', () => {
  const pages = reportPages();
  const reference = reportOf(sweepRecords({ experiments: 24, watts: 80 }), 'reference');

  test('on a phone the ways of asking stay beside their numbers', async () => {
    const page = await pages.open(reportOf(waysRecords(), 'ways'), 390);
    const table = page.locator('table.ways');
    await table.scrollIntoViewIfNeeded();
    expect(await table.locator('tbody tr').count()).toBe(6);
    const seen = async () => {
      const way = await table.locator('tbody th[scope=row]').nth(1).boundingBox();
      return [way!.x >= 0, way!.x + way!.width < 200];
    };
    expect(await seen()).toEqual([true, true]);
    await page.$eval('.ways .sideways', (element) => element.scrollTo({ left: element.scrollWidth }));
    expect(await seen()).toEqual([true, true]);
    const [scroll, client] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(scroll).toBe(client);
    await shoot(page, 'ways-phone');
  });

  test('on a phone a row begins with its name and its numbers', async () => {
    const page = await pages.open(reference, 390);
    const heads = await page.$$eval('.results thead th .name', (all) => all.map((head) => head.textContent));
    expect(heads.slice(0, 3)).toEqual(['row', ...reference.metrics.slice(0, 2).map((m) => m.label)]);
    await page.locator('.results .scroller').scrollIntoViewIfNeeded();
    const cells = await page.$$eval('tr[data-row="1"] td', (all) =>
      all.slice(0, 3).map((cell) => [cell.textContent, cell.getBoundingClientRect().right] as const),
    );
    expect(cells[0]?.[0]).toBe(`1 ${reference.rows[0]?.label}`);
    // Both objectives are seen without scrolling sideways, and no name is cut off.
    for (const [, right] of cells) expect(right).toBeLessThanOrEqual(390);
    const cut = await page.$$eval('td.row-name > span', (all) =>
      all.filter((name) => name.scrollHeight > name.clientHeight + 1).map((name) => name.textContent),
    );
    expect(cut).toEqual([]);
    const [scroll, client] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(scroll).toBe(client);
    await shoot(page, 'phone');
    // Scrolled to the end the name is still there, and so is the choice of rows to compare.
    await page.$eval('.results .scroller', (element) => element.scrollTo({ left: element.scrollWidth }));
    expect(await page.$eval('tr[data-row="1"] td', (cell) => cell.getBoundingClientRect().left)).toBeLessThan(
      20,
    );
    await page.locator('tr[data-row="2"] td.pick input').check();
    await page.locator('tr[data-row="2"] td.row-name').click();
    await page.waitForSelector('aside.detail');
  });

  test('on a phone rows that differ in their last axis alone are told apart', async () => {
    const records = ['instruct-q4_k_m', 'instruct-q8_0'].flatMap((type, i) =>
      [1, 4].map((parallel, j) =>
        completeTrial({
          experiment: experimentOf({
            model: type,
            quantization: type,
            flashAttention: true,
            parallel,
            threads: j + 1,
          }),
          position: 2 * i + j,
        }),
      ),
    );
    const page = await pages.open(reportOf(records, 'twins'), 390);
    const names = await page.$$eval('td.row-name > span', (all) =>
      all.map((name) => [name.textContent, name.scrollHeight > name.clientHeight + 1] as const),
    );
    expect(names).toEqual([
      ['1 instruct-q4_k_m threads=1 parallel=1', false],
      ['2 instruct-q4_k_m threads=2 parallel=4', false],
      ['3 instruct-q8_0 threads=1 parallel=1', false],
      ['★4 instruct-q8_0 threads=2 parallel=4', false],
    ]);
  });

  test('narrow screens get one column and no sideways scrolling of the page', async () => {
    const page = await pages.open(reference, 700);
    const [scroll, client] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(scroll).toBe(client);
    await shoot(page, 'page-light-700', { fullPage: true });
  });
});
