/**
 * The report page at ten thousand rows in real Chromium: frame times while its table is scrolled, its rows are
 * filtered and its plots are zoomed. `--quick` takes a tenth of the rows.
 */
import { buildReport } from '../../report/build.js';
import { hasChromium } from '../support/chromium.js';
import { startBrowsing } from '../support/report-page.js';
import { ROOFS, rooflineOf } from '../support/roofline.js';
import { sweepRecords } from '../support/sweep-records.js';
import { conclude, type Figure } from './figure.js';
import { startFrames, stopFrames, summary } from './frames.js';

/** Milliseconds. Half of the display's frames may be missed in the worst twentieth, and no wait may be felt as one. */
const SMOOTH = { p95: 34, longest: 100 };
/** Plots of all rows are drawn anew after the last key: once, and within the time that people take for at once. */
const REDRAWN = { p95: 34, longest: 200 };

if (!hasChromium) {
  console.error('bench:page needs chromium: bash scripts/install-test-services.sh');
  process.exit(1);
}

const rows = process.argv.includes('--quick') ? 1000 : 10_000;
const places = Array.from({ length: 64 }, (_, i) => rooflineOf(1.2 + i / 20));
const records = sweepRecords({ experiments: rows }).map((record, i) =>
  record.status === 'complete'
    ? { ...record, roofline: places[i % places.length] ?? null, roofs: ROOFS }
    : record,
);
const report = buildReport(records, {
  sweepName: 'ten thousand',
  objectives: [
    { metric: 'decodeTokensPerSecond', better: 'max' },
    { metric: 'modelBytes', better: 'min' },
  ],
});
const browsing = await startBrowsing();
const figures: Figure[] = [];
try {
  const { page, trouble } = await browsing.open(report);
  const table = page.locator('.scroller');
  const measure = async (
    name: string,
    limits: { readonly p95: number; readonly longest: number },
    act: () => Promise<void>,
  ) => {
    await page.waitForTimeout(400);
    await startFrames(page);
    await act();
    await page.waitForTimeout(400);
    const { median, p95, longest, count } = summary(await stopFrames(page));
    console.log(
      `${name}: ${count} frames, median ${median.toFixed(1)}, p95 ${p95.toFixed(1)}, longest ${longest.toFixed(1)} ms`,
    );
    figures.push({
      claim: `${rows} rows: frames while ${name}`,
      measured: `p95 ${p95.toFixed(1)} ms, longest ${longest.toFixed(1)} ms`,
      required: `p95 at most ${limits.p95} ms, longest at most ${limits.longest} ms`,
      holds: p95 <= limits.p95 && longest <= limits.longest,
    });
  };

  await table.scrollIntoViewIfNeeded();
  await table.hover();
  await measure('scrolling the table', SMOOTH, async () => {
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, i % 10 === 9 ? 8000 : 400);
      await page.waitForTimeout(16);
    }
  });
  await measure('filtering by what is typed', REDRAWN, async () => {
    await page.locator('input[type=search]').pressSequentially('q4_k_m parallel=4', { delay: 70 });
  });
  await page.fill('input[type=search]', '');
  await page.waitForTimeout(800);
  for (const [name, selector] of [
    ['the trade-off', 'section:has(#pareto) .zoomable'],
    ['the roofline', '.plot.roofline .zoomable'],
  ] as const) {
    const plot = page.locator(selector);
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    if (box === null) throw new Error(`${name} is not on the page`);
    const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
    await measure(`zooming ${name} by dragging`, SMOOTH, async () => {
      await page.mouse.move(...at(0.3, 0.3));
      await page.mouse.down();
      await page.mouse.move(...at(0.7, 0.7), { steps: 30 });
      await page.mouse.up();
    });
    // Nothing is smoother than a page that does nothing.
    if ((await plot.getAttribute('data-zoomed')) !== 'true') throw new Error(`${name} was not zoomed`);
    await measure(`zooming ${name} with the wheel`, SMOOTH, async () => {
      await page.keyboard.down('Control');
      for (let i = 0; i < 30; i++) {
        await page.mouse.wheel(0, i < 15 ? -60 : 60);
        await page.waitForTimeout(16);
      }
      await page.keyboard.up('Control');
    });
    await measure(`pointing at rows of ${name}`, SMOOTH, async () => {
      await page.mouse.move(...at(0.2, 0.8), { steps: 40 });
    });
  }
  if (trouble.length > 0) throw new Error(`the page complained: ${trouble.join('; ')}`);
} finally {
  await browsing.close();
}
conclude('page', figures);
