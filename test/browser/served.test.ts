import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildReport } from '../../report/build.js';
import { hasChromium, shoot } from '../support/chromium.js';
import { type Browsing, startBrowsing } from '../support/report-page.js';
import { servedTrial } from '../support/served-records.js';

const trials = ['q4_k_m', 'q8_0'].flatMap((quantization) =>
  [1, 2, 4, 8].map((concurrency) =>
    servedTrial({
      concurrency,
      quantization,
      requests: 1200,
      failsEach: concurrency === 8 ? 50 : 0,
      ttft: quantization === 'q8_0' ? 0.08 : 0.05,
    }),
  ),
);
const report = buildReport(trials, { sweepName: 'served', objectives: [] });

describe.skipIf(!hasChromium)('servers under load in the page (needs chromium)', () => {
  let browsing: Browsing;
  beforeAll(async () => {
    browsing = await startBrowsing();
  }, 120_000);
  afterAll(() => browsing?.close());

  test('a line for each server over its loads, against a latency or what one user gets', async () => {
    const { page, trouble } = await browsing.open(report);
    const plot = page.locator('section[aria-labelledby="load"]');
    await plot.getByRole('button', { name: 'Numbers' }).click();
    expect(await plot.locator('tbody tr').count()).toBe(8);
    expect((await plot.locator('tbody tr td:first-child').allTextContents()).sort()).toEqual([
      ...Array<string>(4).fill('quantization q4_k_m'),
      ...Array<string>(4).fill('quantization q8_0'),
    ]);
    await plot.getByRole('combobox', { name: 'Against' }).selectOption('userTokensPerSecond');
    expect(await plot.locator('thead').textContent()).toContain('userTokensPerSecond');
    await plot.scrollIntoViewIfNeeded();
    await shoot(page, 'served-load');
    expect(trouble).toEqual([]);
  });

  test('a row shows its requests, latencies, steadiness, generator and failures', async () => {
    const { page, trouble } = await browsing.open(report);
    const row = report.rows.find(({ trial }) => trial.experiment.workload.options.concurrency === 8)!;
    await page.click(`tr[data-row="${row.number}"] td:nth-child(3)`);
    const detail = page.locator('aside.detail');
    await detail.locator('svg.requests').waitFor();
    expect(await detail.locator('svg.requests').getAttribute('aria-label')).toMatch(/300 of 1200 requests/);
    expect(await detail.locator('.steady-verdict').textContent()).toMatch(/steady state|Steady from/i);
    expect(await detail.locator('.objectives li').allTextContents()).toEqual([
      expect.stringMatching(/^ttft:p90<=80ms kept by 0 of 1200/),
      expect.stringMatching(/^tpot:p90<=20ms kept by 1176 of 1200/),
    ]);
    expect(await detail.locator('.failures').textContent()).toContain('503 Service Unavailable');
    expect(await detail.locator('.generator').textContent()).toContain('sent after its time');
    await detail.locator('svg.requests').scrollIntoViewIfNeeded();
    await shoot(page, 'served-detail');
    expect(trouble).toEqual([]);
  });

  test('a row of a server that is counted shows its step, its prompt and its window under the roofs', async () => {
    const placed = servedTrial({ concurrency: 4, requests: 200, runner: 'llama-server' });
    const { page, trouble } = await browsing.open(
      buildReport([placed, servedTrial({ concurrency: 2, requests: 200, runner: 'llama-server' })], {
        sweepName: 'served',
        objectives: [],
      }),
    );
    await page.click('tr[data-row="1"] td:nth-child(3)');
    const roofline = page.locator('aside.detail section.roofline');
    await roofline.waitFor();
    expect(await roofline.locator('tbody th').allTextContents()).toEqual(['prefill', 'decode', 'serve']);
    expect(await roofline.textContent()).toMatch(
      /of a prompt of 100 tokens alone; decode is a step of \d sequences \(by our requests\) with 107 tokens before it/,
    );
    await roofline.scrollIntoViewIfNeeded();
    await shoot(page, 'served-roofline');
    expect(trouble).toEqual([]);
  });
});
