import { readFileSync } from 'node:fs';
import type { Download, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../core/result/result.js';
import { pairsOf } from '../../dashboards/web/src/compare/sides.js';
import { buildReport } from '../../report/build.js';
import { briefVerdict, movedText } from '../../report/change-text.js';
import { comparisonOf } from '../../report/compare.js';
import { byExperiment, summary } from '../../report/compare-summary.js';
import type { Report } from '../../report/report.js';
import { quantity } from '../../report/scale.js';
import { hasChromium, shoot } from '../support/chromium.js';
import { type Browsing, type OpenedPage, startBrowsing } from '../support/report-page.js';
import { ROOFS, rooflineOf } from '../support/roofline.js';
import { sweepRecords } from '../support/sweep-records.js';

const build = (records: ResultRecord[], sweepName: string) =>
  buildReport(records, {
    sweepName,
    objectives: [
      { metric: 'decodeTokensPerSecond', better: 'max' },
      { metric: 'modelBytes', better: 'min' },
    ],
  });
/** What the judge was given, as far as the page reads it. */
const GIVEN: NonNullable<ResultRecord['given']> = {
  modelBytes: null,
  parameters: null,
  kvCacheBytes: null,
  adapterLoadSeconds: null,
  baseBytes: null,
  warmupSettled: true,
  cores: 8,
  roofline: null,
  idleWatts: { 'package-0': 11.5 },
  warnings: [],
};
/** Thirty operators that took 1 to 30 ms, and engine around them. */
const PROFILE: ResultRecord['profile'] = {
  rounds: 2,
  phases: [
    {
      name: 'decode',
      tokens: 32,
      passes: 32,
      plainSeconds: 0.5,
      profiledSeconds: 0.6,
      operators: Array.from({ length: 30 }, (_, i) => ({
        module: i % 3 === 2 ? ('mlp' as const) : ('attention' as const),
        operator: `op_${i}`,
        op: 'MUL_MAT',
        calls: 32,
        seconds: (i + 1) / 1000,
      })),
    },
  ],
};
const placed = (i: number) => ({
  roofline: rooflineOf(1.5 + i / 10),
  roofs: ROOFS,
  profile: PROFILE,
  given: GIVEN,
});
const underRoofs = (experiments: number) =>
  sweepRecords({ experiments, watts: 80 }).map((record, i) =>
    record.status === 'complete' ? { ...record, ...placed(i) } : record,
  );
/**
 * Every valid trial as three starts of its experiment, each in a block of its own and a little faster than
 * the one before.
 */
const asStarts = (records: readonly ResultRecord[], sweepId: string): ResultRecord[] =>
  records.flatMap((record) =>
    (record.valid && record.sweep.purpose === 'measure' ? [0, 1, 2] : [0]).map((start) => ({
      ...withSlower(record, 1 - start / 200),
      trialId: `${record.trialId}-${start}`,
      sweep: { ...record.sweep, id: sweepId, block: record.sweep.block + 100 * start },
    })),
  );
/** A CSV as cells; none of ours has quotes that matter here. */
const csvOf = async (download: Download) =>
  readFileSync((await download.path()) ?? '', 'utf8')
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));

/** The same trial at another speed. */
function withSlower(record: ResultRecord, factor: number): ResultRecord {
  const decode = record.measurements.decodeTokensPerSecond;
  if (decode === undefined || decode.value === null) return record;
  const samples = decode.samples?.map((v) => v / factor) ?? null;
  const measurements = {
    ...record.measurements,
    decodeTokensPerSecond: { ...decode, value: decode.value / factor, samples },
  };
  return { ...record, measurements };
}

describe.skipIf(!hasChromium)('views of the page (needs chromium)', () => {
  let browsing: Browsing;
  let opened: OpenedPage;
  let page: Page;
  const report = build(underRoofs(24), 'views');
  const started = build(asStarts(underRoofs(24), 'started'), 'started');

  beforeAll(async () => {
    browsing = await startBrowsing();
  });
  afterAll(() => browsing?.close());
  afterEach(async () => {
    expect(opened?.trouble).toEqual([]);
  });
  async function open(what: Report, scheme: 'light' | 'dark' = 'light') {
    opened = await browsing.open(what, { scheme });
    page = opened.page;
  }
  const saved = async (selector: string) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
    return download;
  };
  /** Texts of the bottom axis of a plot. */
  const ticks = (plot: string) =>
    page.$$eval(`${plot} .chart svg text`, (all) => all.map((text) => text.textContent ?? ''));

  test('dragging over the roofline zooms to what was spanned, on both axes and on one, and back', async () => {
    await open(report);
    const plot = page.locator('.plot.roofline');
    await plot.scrollIntoViewIfNeeded();
    const zoomable = plot.locator('.zoomable');
    const box = (await zoomable.boundingBox())!;
    const drag = async (from: [number, number], to: [number, number]) => {
      await page.mouse.move(box.x + from[0] * box.width, box.y + from[1] * box.height);
      await page.mouse.down();
      await page.mouse.move(box.x + to[0] * box.width, box.y + to[1] * box.height, { steps: 4 });
      await expect.poll(() => plot.locator('.band').count()).toBe(1);
      await page.mouse.up();
    };
    const whole = await ticks('.plot.roofline');
    await drag([0.3, 0.2], [0.6, 0.7]);
    await expect.poll(() => zoomable.getAttribute('data-zoomed')).toBe('true');
    await expect.poll(() => plot.locator('.band').count()).toBe(0);
    const near = await ticks('.plot.roofline');
    expect(near).not.toEqual(whole);
    await shoot(page, 'roofline-zoomed');
    await plot.locator('button:has-text("Show all")').click();
    await expect.poll(() => ticks('.plot.roofline')).toEqual(whole);
    // A flat stroke is about the bottom axis alone.
    await drag([0.3, 0.5], [0.7, 0.505]);
    expect((await ticks('.plot.roofline')).filter((t) => t.includes('FLOP/s'))).toEqual(
      whole.filter((t) => t.includes('FLOP/s')),
    );
    await zoomable.dblclick({ position: { x: box.width / 2, y: box.height / 2 } });
    await expect.poll(() => ticks('.plot.roofline')).toEqual(whole);
    expect(await page.locator('aside.detail').count()).toBe(0);
  });

  test('all roofs of the node can be shown, and points take the colours of any axis', async () => {
    await open(report, 'dark');
    const plot = page.locator('.plot.roofline');
    await plot.scrollIntoViewIfNeeded();
    await plot.locator('label:has-text("all roofs") input').check();
    // The plot is drawn after the page has noted the choice.
    const roofs = ['L2 100 GB/s', 'L3 40 GB/s', 'memory 16 GB/s', 'f32 200 GFLOP/s', 'int8 800 GFLOP/s'];
    await expect.poll(() => ticks('.plot.roofline')).toEqual(expect.arrayContaining(roofs));
    await plot.locator('label:has-text("Colour") select').selectOption('parallel');
    await expect.poll(() => ticks('.plot.roofline')).toEqual(expect.arrayContaining(['1', '4']));
    await shoot(page, 'roofline-all-roofs-dark');
  });

  test('a plot is gone through with keys: points are said, ringed and opened', async () => {
    await open(report);
    const plot = page.locator('section:has(#pareto)');
    const zoomable = plot.locator('.zoomable');
    await zoomable.focus();
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => plot.locator('.walked').textContent())
      .toMatch(/^#\d+ .*: model .*, decode .* t\/s/);
    await expect.poll(() => plot.locator('.ring').count()).toBe(1);
    const first = await plot.locator('.walked').textContent();
    await page.keyboard.press('End');
    await expect.poll(() => plot.locator('.walked').textContent()).not.toBe(first);
    const last = await plot.locator('.walked').textContent();
    await page.keyboard.press('+');
    await expect.poll(() => zoomable.getAttribute('data-zoomed')).toBe('true');
    await page.keyboard.press('0');
    await expect.poll(() => zoomable.getAttribute('data-zoomed')).toBe('false');
    await page.keyboard.press('Enter');
    const row = /#(\d+)/.exec(last ?? '')?.[1];
    await expect.poll(() => page.getAttribute('aside.detail', 'aria-label')).toBe(`Row ${row}`);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.evaluate(() => document.activeElement?.className)).toBe('zoomable');
  });

  test('what plots show can be read as a table and saved as CSV and PNG', async () => {
    await open(report);
    const pareto = 'section:has(#pareto)';
    await page.click(`${pareto} button:has-text("Numbers")`);
    expect(await page.locator(`${pareto} .numbers tbody tr`).count()).toBe(23);
    const lines = await csvOf(await saved(`${pareto} button[aria-label="Save CSV"]`));
    expect(lines[0]).toEqual(['row', 'experiment', 'state', 'front', 'modelBytes', 'decodeTokensPerSecond']);
    const byNumber = new Map(lines.slice(1).map((line) => [Number(line[0]), line]));
    for (const row of report.rows.filter(({ state }) => state !== 'failed')) {
      expect(Number(byNumber.get(row.number)?.[5])).toBe(row.trial.measurements.decodeTokensPerSecond?.value);
      expect(byNumber.get(row.number)?.[3]).toBe(String(row.onFront));
    }
    const roofs = await csvOf(await saved('.plot.roofline button[aria-label="Save CSV"]'));
    expect(roofs.slice(1)).toHaveLength(2 * 23);
    const gaps = await csvOf(await saved('section:has(#latency) button[aria-label="Save CSV"]'));
    expect(gaps[0]).toContain('p99Seconds');
    for (const plot of ['.plot.roofline', 'section:has(#latency)']) {
      const png = await saved(`${plot} button[aria-label="Save PNG"]`);
      expect(
        readFileSync((await png.path()) ?? '')
          .subarray(1, 4)
          .toString(),
      ).toBe('PNG');
    }
  });

  test('a row shows its power over time with its phases, and what each phase took', async () => {
    await open(report);
    await page.click('tr[data-row="1"] td:nth-child(3)');
    const power = page.locator('aside.detail .plot:has(#power)');
    await power.scrollIntoViewIfNeeded();
    const cells = async (phase: string) =>
      (await power.locator(`.phase-power tr:has(th:text-is("${phase}")) td`).allTextContents()) as string[];
    // The trial drew 80 W from its first prefill on; 11.5 W of them without it.
    const trial = report.rows[0]!.trial;
    const decodes = trial.phases.filter(({ name }) => name === 'decode');
    const secondsOf = (phases: typeof decodes) =>
      phases.reduce((sum, p) => sum + p.endSeconds - p.startSeconds, 0);
    const [time, watts, joules, net] = await cells('5 × decode');
    expect(time).toBe(quantity(secondsOf(decodes), 's'));
    expect(Number.parseFloat(watts ?? '')).toBeCloseTo(80, 0);
    // The readings end before the last decode does: it has no energy, and the figure says so.
    expect(joules).toMatch(/^\S+ k?J of 4$/);
    const inJoules = (text = '') => Number.parseFloat(text) * (text.includes('kJ') ? 1000 : 1);
    const expected = 80 * secondsOf(decodes.slice(0, 4));
    expect(Math.abs(inJoules(joules) / expected - 1)).toBeLessThan(0.01);
    expect(Math.abs(inJoules(net) / ((expected * 68.5) / 80) - 1)).toBeLessThan(0.01);
    expect(await power.locator('svg path').count()).toBeGreaterThan(trial.phases.length);
    await power.locator('.zoomable').focus();
    await page.keyboard.press('End');
    await expect.poll(() => power.locator('.walked').textContent()).toMatch(/^prefill 5: 80\.0 W over/);
    const csv = await csvOf(await saved('.plot:has(#power) button[aria-label="Save CSV"]'));
    expect(csv[0]).toEqual(['source', 'seconds', 'watts']);
    expect(csv.length).toBeGreaterThan(100);
    await shoot(page, 'power');
  });

  test('a profiled row shows what each operator took, longest first, and the numbers of all', async () => {
    await open(report);
    await page.click('tr[data-row="2"] td:nth-child(3)');
    const plot = page.locator('.operators');
    await plot.scrollIntoViewIfNeeded();
    const texts = await plot.locator('svg text').allTextContents();
    expect(texts.slice(texts.indexOf('op_29'))).toEqual(
      expect.arrayContaining(['op_29', 'op_28', '17 others']),
    );
    expect(await plot.textContent()).toMatch(/looking on cost 20\.0 %/);
    const csv = await csvOf(await saved('.operators button[aria-label="Save CSV"]'));
    expect(csv[1]?.slice(0, 3)).toEqual(['op_29', 'mlp', 'MUL_MAT']);
    expect(csv).toHaveLength(31);
    const shares = csv.slice(1).map((line) => Number(line[6]));
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(465 / 600, 6);
    await shoot(page, 'operators');
  });

  test('two values of an axis are compared pair by pair with their uncertainty', async () => {
    await open(started);
    const view = page.locator('.comparison');
    await view.scrollIntoViewIfNeeded();
    await view.locator('label:has(span:text-is("B")) select').selectOption('q4_k_m');
    const { pairs } = pairsOf(started, { kind: 'axis', axis: 'quantization', a: 'f16', b: 'q4_k_m' });
    const metrics = ['decodeTokensPerSecond'];
    const compared = comparisonOf(pairs, metrics);
    const expected = byExperiment(compared.changes, metrics).flat();
    expect(expected).toHaveLength(4);
    await expect
      .poll(() => view.locator('.bar p').first().textContent())
      .toBe(`4 pairs; ${summary(compared, metrics)}`);
    // All together come first.
    const all = await view.locator('.changes tbody tr').allTextContents();
    const lines = all.slice(compared.overall.length);
    expect(all[0]).toContain(movedText(compared.overall[0]!)[0]);
    for (const [i, change] of expected.entries()) {
      expect(lines[i]).toContain(movedText(change)[0]);
      expect(lines[i]).toContain(briefVerdict(change));
    }
    await shoot(page, 'comparison');
    const csv = await csvOf(await saved('.comparison button[aria-label="Save CSV"]'));
    // The page carries samples with nine digits.
    for (const [i, { change }] of expected.entries()) {
      expect(Number(csv[i + 1]?.[6])).toBeCloseTo(change ?? Number.NaN, 6);
    }
  });

  test.each([1280, 390])(
    'at %i pixels the comparison is a table, its cells below their heads',
    async (width) => {
      opened = await browsing.open(started, { width });
      page = opened.page;
      const table = page.locator('.comparison table.changes');
      await table.scrollIntoViewIfNeeded();
      expect(await table.evaluate((element) => getComputedStyle(element).display)).toBe('table');
      const leftsOf = (selector: string) =>
        table
          .locator(selector)
          .evaluateAll((cells) => cells.map((cell) => Math.round(cell.getBoundingClientRect().left)));
      const heads = await leftsOf('thead th');
      expect(new Set(heads).size).toBe(6);
      expect(await leftsOf('tbody tr:last-child > *')).toEqual(heads);
      // What is too wide scrolls in its own box, and the page does not.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await shoot(page, `comparison-${width}`);
    },
  );

  test('another run is compared from its file, and a file that is none says so', async () => {
    const slower = build(
      asStarts(underRoofs(24), 'before').map((record) => withSlower(record, 1.2)),
      'before',
    );
    const before = await browsing.open(slower);
    await open(started);
    const view = page.locator('.comparison');
    await view.locator('label:has-text("Between") select').selectOption('run');
    const choose = (name: string, buffer: Buffer) =>
      view.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/plain', buffer });
    await choose('notes.jsonl', Buffer.from('{"a": 1}\n'));
    expect(await view.locator('[role=alert]').textContent()).toBe(
      'Line 1 of notes.jsonl is no result: choose a results.jsonl or a report.html.',
    );
    await choose('before.html', readFileSync(before.file));
    await view.locator('.changes tbody tr').first().waitFor();
    expect(await view.locator('[role=alert]').count()).toBe(0);
    const sentence = () => view.locator('.bar p').first().textContent();
    const firstLine = async () => (await view.locator('.changes tbody tr').allTextContents())[0];
    // The control ran as much slower: that is told, and divides nothing.
    await expect
      .poll(sentence)
      .toMatch(
        /^24 pairs; all 22 experiments better in decode, .*; 22 better in decode; the drift control itself ran decode × 1\.200 \[/,
      );
    expect(await firstLine()).toContain('× 1.200');
    const lines = slower.rows
      .flatMap(({ starts }) => starts.map((start) => JSON.stringify(start)))
      .join('\n');
    await choose('before.jsonl', Buffer.from(lines));
    // A file of the starts that count has no control.
    await expect
      .poll(sentence)
      .toMatch(/^24 pairs; all 22 experiments better in decode, [^;]*; 22 better in decode$/);
    expect(await firstLine()).toContain('× 1.200');
    await shoot(page, 'comparison-of-runs');
  });

  test('a pivot shows the best of each cell, and a cell narrows the table to its rows', async () => {
    await open(report);
    const view = page.locator('.pivot');
    await view.scrollIntoViewIfNeeded();
    await view.locator('label:has-text("Across") select').selectOption('parallel');
    const fastest = report.rows.filter(
      (row) => row.axes.quantization === 'q8_0' && row.axes.parallel === 1 && row.state === 'valid',
    );
    const best = Math.max(...fastest.map((row) => row.trial.measurements.decodeTokensPerSecond?.value ?? 0));
    const cell = view.locator('tr:has(th:text-is("q8_0")) td').first();
    expect(Number(await cell.textContent())).toBeCloseTo(best, 2);
    await shoot(page, 'pivot');
    await cell.locator('button').click();
    await expect.poll(() => page.textContent('.results [role=status]')).toContain('2 of 24 rows');
    const csv = await csvOf(await saved('.pivot button[aria-label="Save CSV"]'));
    expect(csv[0]).toEqual(['quantization', 'parallel', 'best decodeTokensPerSecond', 'validRows', 'row']);
  });
});
