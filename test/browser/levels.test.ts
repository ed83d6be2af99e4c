import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { buildReport } from '../../report/build.js';
import { intervalLegend } from '../../report/interval-legend.js';
import { quotedOf, quotedText, spreadText } from '../../report/quoted.js';
import { MARKS } from '../../report/rows.js';
import { scaled } from '../../report/scale.js';
import { hasChromium, shoot } from '../support/chromium.js';
import { disturbedRun, WORST } from '../support/disturbed-run.js';
import { reportPages } from '../support/report-page.js';

const DECODE = 'decodeTokensPerSecond';
const objectives = [{ metric: DECODE, better: 'max' as const }];
const report = buildReport(disturbedRun(), { sweepName: 'disturbed', objectives });
const { scale } = report.metrics.find(({ name }) => name === DECODE)!;

describe.skipIf(!hasChromium)('a disturbed run in the page (needs chromium)', () => {
  const pages = reportPages();
  const cells = (page: Page) =>
    page.$$eval('tbody tr[data-row]', (rows) =>
      rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '')),
    );

  test.each([1280, 390])(
    'table and footer say what every other place says, %i pixels wide',
    async (width) => {
      const page = await pages.open(report, width);
      const found = await cells(page);
      for (const [i, row] of report.rows.entries()) {
        const quoted = quotedOf(row, DECODE)!;
        const text = `${scaled(quoted.value, scale)}${spreadText(quoted, scale)}`.replaceAll(' ', '');
        expect(found[i]!.map((cell) => cell.replaceAll(/\s/g, ''))).toContain(text);
        expect(text.includes('?')).toBe(i === WORST);
      }
      const footer = (await page.textContent('footer')) ?? '';
      expect(footer).toContain(intervalLegend(report.rows, report.metrics, report.levels));
      expect(footer.split(`? ${MARKS['?']}`)).toHaveLength(2);
      await shoot(page, `disturbed-${width}`, { fullPage: true });
    },
  );

  test('the panel and the plot say the same of a row, too', async () => {
    const page = await pages.open(report);
    for (const i of [WORST, WORST + 1]) {
      const row = report.rows[i]!;
      const quoted = quotedOf(row, DECODE)!;
      await page.click(`tbody tr[data-row="${row.number}"] td.place`);
      const panel = (await page.textContent('aside')) ?? '';
      expect(panel).toContain(quotedText(DECODE, quoted));
      expect(panel).toContain(`decode ${scaled(quoted.value, scale)}${i === WORST ? ' ?' : ''}`);
    }
    await page.locator('.zoomable').first().focus();
    const said = new Set<string>();
    for (let step = 0; step < 2 * report.rows.length; step += 1) {
      await page.keyboard.press('ArrowRight');
      said.add((await page.locator('.walked').first().textContent()) ?? '');
    }
    const text = [...said].join('\n');
    for (const row of report.rows) expect(text).toContain(quotedText(DECODE, quotedOf(row, DECODE)!));
  });
});
