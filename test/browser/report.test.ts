import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { NOT_APPLICABLE } from '../../judgement/not-applicable.js';
import { buildReport } from '../../report/build.js';
import { LONG } from '../support/cases.js';
import { hasChromium, shoot } from '../support/chromium.js';
import { experimentOf } from '../support/experiments.js';
import { completeTrial } from '../support/records.js';
import { reportOf, reportPages } from '../support/report-page.js';
import { rooflineOf } from '../support/roofline.js';
import { sweepRecords } from '../support/sweep-records.js';
import { TRAINING, techniqueRecords } from '../support/technique-records.js';
import { calmInput, recordOf } from '../unit/judgement/trace.js';

const EVIL = '</script><img src=x onerror="document.title=\'owned\'">';

describe.skipIf(!hasChromium)('report page (needs chromium)', () => {
  const pages = reportPages();
  let page: Page;
  const open = async (...asked: Parameters<typeof pages.open>) => {
    page = await pages.open(...asked);
  };
  const numbers = () =>
    page.$$eval('tbody tr[data-row]', (rows) => rows.map((r) => Number(r.getAttribute('data-row'))));
  const cells = (column: number) =>
    page.$$eval(`tbody tr[data-row] td:nth-child(${column})`, (all) => all.map((c) => c.textContent ?? ''));
  const status = () => page.textContent('[role=status]');
  const sorted = () =>
    page.$$eval('th[aria-sort]', (all) =>
      all
        .filter((h) => h.getAttribute('aria-sort') !== 'none')
        .map((h) => `${h.querySelector('.name')?.textContent} ${h.getAttribute('aria-sort')}`),
    );

  const reference = reportOf(sweepRecords({ experiments: 24, watts: 80 }), 'reference');

  test('shows every experiment with its state, and what does not fit a number says why', async () => {
    await open(reference);
    expect(await page.textContent('h1')).toBe('reference');
    expect(await numbers()).toEqual([...Array(24).keys()].map((i) => i + 1));
    expect(await page.$$eval('tbody tr.failed .reason', (all) => all[0]?.textContent)).toContain(
      'out-of-memory',
    );
    expect(await page.$$eval('tbody tr .star', (all) => all.length)).toBe(
      reference.rows.filter((r) => r.onFront).length,
    );
    await shoot(page, 'page-light-1280', { fullPage: true });
  });

  test('rows under roofs are drawn on them, predicted beside measured, and modules are in the detail', async () => {
    const records = sweepRecords({ experiments: 12, watts: 80 }).map((record, i) =>
      record.status !== 'complete'
        ? record
        : // One of kernels without factors among them.
          { ...record, roofline: { ...rooflineOf(1.5 + i / 10), ...(i === 3 && { factors: null }) } },
    );
    const report = reportOf(records, 'under roofs');
    await open(report);
    const placed = report.rows.filter((row) => row.trial.roofline !== null).length;
    const chart = '.plot.roofline [role=img]';
    expect(await page.getAttribute(chart, 'aria-label')).toBe(
      `Points under the roofs of their machines: ${2 * placed} phases`,
    );
    expect(await page.textContent('.plot.roofline h2')).toBe('Roofline');
    await page.locator(chart).scrollIntoViewIfNeeded();
    await shoot(page, 'roofline');
    // A point under the pointer says its row; it is aimed at again until the chart has laid itself out.
    const tip = page.locator('.plot.roofline .tip').first();
    const top = (await page.locator(chart).boundingBox())!.y + 40;
    await expect
      .poll(
        async () => {
          const dots = await page.$$eval(`${chart} svg path`, (all) =>
            all
              .map((path) => path.getBoundingClientRect())
              .filter((box) => box.width > 7 && box.width < 12 && box.height > 7)
              .map((box) => [box.x + box.width / 2, box.y + box.height / 2] as const),
          );
          const [x, y] = dots.filter(([, dot]) => dot > top).at(-1) ?? [0, 0];
          await page.mouse.move(0, 0);
          await page.mouse.move(x, y, { steps: 3 });
          return await tip.isVisible();
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe(true);
    expect(await tip.textContent()).toMatch(/#\d+ .*of the roof.*bound by (memory|f32).*predicted/s);
    await page.selectOption('.plot.roofline select', 'predicted');
    expect(await page.textContent('.plot.roofline h2')).toBe('Predicted and measured');
    expect(await page.getAttribute(chart, 'aria-label')).toContain('Predicted over measured');
    expect(await page.textContent('.plot.roofline .bar.axes')).toContain(
      'squares prefill, circles decode; faint: by the roofs alone',
    );
    await shoot(page, 'predicted');
    await page.click('tbody tr[data-row="1"] td:nth-child(2)');
    const detail = page.locator('aside.detail section.roofline');
    expect(await detail.locator('tbody th').allTextContents()).toEqual([
      'prefill',
      'decode',
      'mlp',
      'lm-head',
      'around',
    ]);
    expect(await detail.textContent()).toContain('measured roofs of test, 2 threads');
    expect(await detail.locator('table.modules').textContent()).toContain('timed one by one');
    await shoot(page, 'modules');
  });

  test('a click on a heading sorts, a second turns the order, and screen readers are told', async () => {
    await open(reference);
    expect(await sorted()).toEqual(['# ascending']);
    await page.click('th button:has-text("decode")');
    expect(await sorted()).toEqual(['decode descending']);
    const values = (await cells(6)).map((t) => Number.parseFloat(t)).filter((v) => !Number.isNaN(v));
    expect(values).toHaveLength(23);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    await page.click('th button:has-text("decode")');
    expect(await sorted()).toEqual(['decode ascending']);
    // The failed row has no number and stays last.
    expect((await numbers()).at(-1)).toBe(24);
  });

  test('filters by text, by axis and by state, and shows all again', async () => {
    await open(reference);
    await page.fill('input[type=search]', 'q4_k_m parallel=4');
    expect(await status()).toContain('2 of 24 rows');
    await page.fill('input[type=search]', '');
    await page.selectOption('.filters label:has-text("quantization") select', 'q8_0');
    expect(await cells(3)).toEqual(['q8_0', 'q8_0', 'q8_0', 'q8_0']);
    await page.click('.states button:has-text("Invalid")');
    expect(await numbers()).toEqual([6]);
    await page.click('button:has-text("Show all")');
    expect(await status()).toBe('24 rows');
    await page.fill('input[type=search]', 'decoed>20 q4_k_m');
    expect(await page.textContent('.results [role=alert]')).toBe(
      'decoed>20: there is no column decoed; did you mean decode?',
    );
    expect(await status()).toContain('4 of 24 rows');
    await page.fill('input[type=search]', 'no such thing');
    expect(await page.locator('.results [role=alert]').count()).toBe(0);
    expect(await page.textContent('.scroller .empty')).toContain('No row');
  });

  test('the plot takes any two metrics, and a point under the pointer is a row of the table', async () => {
    await open(reference);
    const label = () => page.getAttribute('section:has(#pareto) .chart', 'aria-label');
    expect(await label()).toBe('decode against model, 23 rows');
    await page.selectOption('label:has-text("Across") select', 'peakResidentBytes');
    await page.selectOption('label:has-text("Up") select', 'energyPerOutputTokenJoules');
    expect(await label()).toBe('energy/out against peak RSS, 23 rows');
    const tip = page.locator('.tip-title').first();
    // The chart may still be laying itself out: a point is aimed at again until it answers.
    await expect
      .poll(
        async () => {
          const dots = await page.$$eval('section:has(#pareto) svg path', (all) =>
            all
              .map((path) => path.getBoundingClientRect())
              .filter((box) => box.width > 8 && box.width < 13 && box.top > 360)
              .map((box) => [box.x + box.width / 2, box.y + box.height / 2] as const),
          );
          if (dots.length <= 20) return `${dots.length} dots`;
          const [x, y] = dots[0] ?? [0, 0];
          await page.mouse.move(0, 0);
          await page.mouse.move(x, y, { steps: 3 });
          return (await tip.isVisible()) ? 'a tip' : 'no tip';
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe('a tip');
    const found = await tip.textContent();
    expect(found).toMatch(/^#\d+ /);
    expect(await page.getAttribute('tr.hovered', 'data-row')).toBe(/\d+/.exec(found ?? '')?.[0]);
    // The row lights up, and the pointer's own hint stays.
    expect(await tip.isVisible()).toBe(true);
    await shoot(page, 'hover');
  });

  test('a row opens in a panel with phases, repeats, meters, measurements and warnings', async () => {
    await open(reference);
    await page.click('tr[data-row="6"] td:nth-child(3)');
    const panel = page.locator('aside.detail');
    await panel.waitFor();
    const text = (await panel.textContent()) ?? '';
    expect(text).toContain('setting-not-held');
    expect(text).toContain('most of the graph ran on another execution provider than the row says');
    expect(text).toContain('decodeTokensPerSecond');
    expect(text).toContain('a CPU has no device memory of its own');
    expect(text).toContain('llama.cpp v0.4.0');
    expect(await panel.locator('.timeline rect').count()).toBe(13);
    // Two starts with a fault each: both stand for the row, and have five repeats of two metrics.
    expect(await panel.locator('.strips circle').count()).toBe(20);
    // Power by itself, and the readings of all meters.
    expect(await panel.locator('.chart svg').count()).toBe(2);
    await shoot(page, 'detail');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await page.click('tr[data-row="24"] td:nth-child(3)');
    expect(await panel.locator('.failure').textContent()).toContain('lower contextDepth');
  });

  test('the table works from the keyboard alone', async () => {
    await open(reference);
    await page.focus('tr[data-row="1"]');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-row'))).toBe('3');
    const compared = () => page.$$eval('tbody input:checked', (all) => all.length);
    const before = await compared();
    await page.keyboard.press(' ');
    expect(await compared()).toBe(before + 1);
    expect(await page.$$eval('section:has(#latency) .key li', (all) => all.length)).toBe(before + 1);
    await page.keyboard.press('Enter');
    expect(await page.getAttribute('aside.detail', 'aria-label')).toBe('Row 3');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-row'))).toBe('3');
  });

  test('columns can be chosen', async () => {
    await open(reference);
    await page.click('summary:has-text("Columns")');
    await page.check('.sheet label:has-text("ITL p95")');
    await page.uncheck('.sheet label:has-text("peak RSS")');
    const heads = await page.$$eval('th .name', (all) => all.map((h) => h.textContent));
    expect(heads).toContain('ITL p95');
    expect(heads).not.toContain('peak RSS');
  });

  test('follows the theme of the system until the reader chooses', async () => {
    await open(reference, 1280, 'dark');
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await paper();
    await shoot(page, 'page-dark-1280', { fullPage: true });
    await page.click('button:has-text("Light")');
    expect(await paper()).not.toBe(dark);
    expect(await page.getAttribute('html', 'data-theme')).toBe('light');
  });

  test('quality, lineage and a front of three objectives', async () => {
    const techniques = buildReport(techniqueRecords(), {
      sweepName: 'techniques',
      objectives: [
        { metric: 'decodeTokensPerSecond', better: 'max' },
        { metric: 'perplexity', better: 'min' },
        { metric: 'modelBytes', better: 'min' },
      ],
    });
    await open(techniques);
    const front = techniques.rows.filter((row) => row.onFront).length;
    expect(await page.textContent('section:has(#pareto) .bar p')).toBe(
      `${front} of 24 on the front of 3 objectives`,
    );
    expect(await page.getAttribute('section:has(#pareto) .chart', 'aria-label')).toBe(
      'decode against PPL, 24 rows, area by model',
    );
    expect(await page.$$eval('.sizes .size-end', (all) => all.length)).toBe(2);
    expect(await cells(4)).toContain('wanda:60% dsnot=strict');
    expect(await page.getAttribute('tr[data-row="3"] td:nth-child(4)', 'title')).toContain('tokens=256');
    await shoot(page, 'techniques-light-1280', { fullPage: true });
    const row = techniques.rows.find(
      (r) => !r.onFront && r.axes.sparsity !== 'none' && r.axes.adapter !== 'none',
    );
    await page.click(`tr[data-row="${row?.number}"] td:nth-child(3)`);
    const text = (await page.locator('aside.detail').textContent()) ?? '';
    expect(text).toContain(`Not on the front: ${row?.offFront}`);
    expect(text).toMatch(/perplexity\d+\.\d+ ± 0\.65/);
    expect(text).toMatch(/KL divergence0\.\d+ ± 0\.\d+ natsmedian/);
    expect(text).toMatch(/continuation, 60 items, 25\.0 % by chance/);
    expect(text).toContain('sparsity(wanda:60%');
    expect(text).toContain('output mse4.56e-5');
    await shoot(page, 'techniques-detail');
    await page.keyboard.press('Escape');
    await page.click('summary:has-text("Columns")');
    await page.click('.sets button:has-text("Quality")');
    const heads = await page.$$eval('th .name', (all) => all.map((h) => h.textContent));
    expect(heads.slice(-7)).toEqual(['PPL', 'PPL ratio', 'KLD', 'KLD p99', 'top-1', 'score', 'retained']);
  });

  test('a row that trained shows its loss, its time and its memory', async () => {
    const [first] = techniqueRecords();
    if (first === undefined) throw new Error('no record');
    await open(reportOf([{ ...first, training: TRAINING }], 'training'));
    await page.click('tr[data-row="1"] td:nth-child(3)');
    const training = page.locator('aside.detail .training');
    const text = (await training.textContent()) ?? '';
    expect(text).toContain('lora: 157,696 numbers are trained (1.88 % of the base)');
    expect(text).toContain('loss 5.500 to 2.');
    expect(text).toContain('held out (○) 5.520 to 2.610');
    expect(text).toMatch(
      /time of a step 500 ms.*forward 140 ms.*backward 310 ms.*optimizer 30 ms.*the rest 20.0 ms/,
    );
    expect(text).toMatch(/memory 111 MB.*weights 17 MB.*activations 92 MB/);
    expect(text).toContain('made an adapter of 632 kB');
    expect(await training.locator('.loss circle').count()).toBe(2);
    expect(await training.locator('.loss path').getAttribute('d')).toMatch(/^M6\.0 \S+( L\S+ \S+){29}$/);
    await training.scrollIntoViewIfNeeded();
    await shoot(page, 'training-detail');
  });

  test('saves the rows in view as CSV and a plot as PNG, without leaving the machine', async () => {
    await open(reference);
    await page.click('.states button:has-text("Failed")');
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.click('.results button:has-text("Save CSV")'),
    ]);
    expect(csv.suggestedFilename()).toBe('reference.csv');
    const lines = readFileSync((await csv.path()) ?? '', 'utf8')
      .trimEnd()
      .split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('decodeTokensPerSecond,decodeTokensPerSecondCi95Low');
    expect(lines[1]).toContain('out-of-memory');
    await page.click('.states button:has-text("All")');
    const [png] = await Promise.all([
      page.waitForEvent('download'),
      page.click('section:has(#pareto) button[aria-label="Save PNG"]'),
    ]);
    const bytes = readFileSync((await png.path()) ?? '');
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    expect(bytes.length).toBeGreaterThan(5000);
  });

  test('a hostile name stays text everywhere', async () => {
    const records = [1, 4].map((parallel, position) =>
      completeTrial({
        experiment: experimentOf({ model: `${EVIL}${parallel}`, parallel }),
        position,
        sweepName: EVIL,
      }),
    );
    await open(reportOf(records, EVIL));
    expect(await page.textContent('h1')).toBe(EVIL);
    await page.click('tr[data-row="1"] td:nth-child(3)');
    await page.waitForSelector('aside.detail');
    await page.mouse.move(300, 400);
    expect(await page.$$eval('img', (all) => all.length)).toBe(0);
    expect(await page.title()).toContain(EVIL);
  });

  test('thousands of rows scroll, sort and filter', async () => {
    const rows = LONG ? 10_000 : 2_500;
    await open(reportOf(sweepRecords({ experiments: rows }), 'large'));
    expect(await status()).toBe(`${rows} rows`);
    expect((await numbers()).length).toBeLessThan(80);
    await page.$eval('.scroller', (element) => element.scrollTo({ top: element.scrollHeight }));
    await expect.poll(async () => (await numbers()).at(-1)).toBe(rows);
    await page.focus(`tr[data-row="${rows - 1}"]`);
    await page.keyboard.press('Home');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-row'))).toBe('1');
    await page.fill('input[type=search]', 'contextDepth=640');
    expect(await status()).toContain(`24 of ${rows}`);
    if (LONG) expect(await page.textContent('footer.notes')).toContain('To keep this file small');
  }, 120_000);

  test('a stroke along an axis keeps the rows that pass there, and what matters is told', async () => {
    await open(reference);
    const plot = page.locator('section.parallel');
    await plot.scrollIntoViewIfNeeded();
    await expect.poll(() => plot.locator('[data-axis]').count()).toBe(reference.axes.length + 2);
    await expect.poll(() => plot.locator('.importance li').count()).toBe(reference.axes.length);
    const brush = plot.locator('[data-axis="axis:parallel"] .brush');
    const box = (await brush.boundingBox())!;
    const x = box.x + box.width / 2;
    await page.mouse.move(x, box.y + box.height - 2);
    await page.mouse.down();
    await page.mouse.move(x, box.y + box.height * 0.7);
    await page.mouse.up();
    const kept = reference.rows.filter((row) => row.axes.parallel === 1).map((row) => row.number);
    await expect.poll(numbers).toEqual(kept);
    expect(await plot.locator('.band').count()).toBe(1);
    await shoot(page, 'axes');
    // Too few rows for so many values are told to be so.
    await expect.poll(() => plot.locator('.importance-note').textContent()).toContain('not enough rows');
    await plot.locator('button:has-text("Show all")').click();
    await expect.poll(async () => (await numbers()).length).toBe(24);
    await plot.locator('select').selectOption('modelBytes');
    await expect
      .poll(() => plot.locator('.importance li').first().textContent())
      .toMatch(/^quantization(9\d\.\d|100\.0) %$/);
    await shoot(plot, 'axes-all');
  });

  test('axes are reached and used by keys, with names for who does not see them', async () => {
    await open(reference);
    const slider = page.getByRole('slider', { name: /^parallel: arrows/ });
    expect(await page.getByRole('slider').count()).toBe(reference.axes.length + 2);
    expect(await slider.getAttribute('aria-valuetext')).toBe('all');
    await slider.focus();
    await page.keyboard.press('ArrowUp');
    const kept = (value: number) =>
      reference.rows.filter((row) => row.axes.parallel === value).map((row) => row.number);
    await expect.poll(numbers).toEqual(kept(1));
    expect(await slider.getAttribute('aria-valuetext')).toBe('only 1');
    await page.keyboard.press('ArrowUp');
    await expect.poll(numbers).toEqual(kept(4));
    await shoot(page.locator('section.parallel'), 'axes-keys');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await numbers()).length).toBe(24);
    await page.getByRole('list', { name: /^Share of the variance of .+ by axis$/ }).waitFor();
  });

  test('every plot is saved as a picture of its own, with its style in it', async () => {
    await open(reference);
    const frames = page.locator('section.plot:has(button[aria-label="Save SVG"]):has(svg)');
    const count = await frames.count();
    expect(count).toBeGreaterThanOrEqual(4);
    const blank = await pages.browser().newPage();
    for (let i = 0; i < count; i += 1) {
      const frame = frames.nth(i);
      for (const ending of ['SVG', 'PNG']) {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          frame.locator(`button[aria-label="Save ${ending}"]`).click(),
        ]);
        const bytes = readFileSync((await download.path()) ?? '');
        if (ending === 'PNG') {
          expect(bytes.subarray(1, 4).toString()).toBe('PNG');
          continue;
        }
        // By itself, without the page's style sheet, it is the same drawing: no text is black on nothing, no
        // line filled.
        const text = bytes.toString();
        expect(text).not.toContain('var(--');
        await blank.setContent(`<body>${text}</body>`);
        const drawn = await blank.evaluate(() => ({
          marks: document.querySelectorAll('path, text, rect, circle').length,
          filled: [...document.querySelectorAll('path.kept, path.front')].filter(
            (path) => getComputedStyle(path).fill !== 'none',
          ).length,
        }));
        expect(drawn.marks).toBeGreaterThan(10);
        expect(drawn.filled).toBe(0);
      }
    }
    await blank.close();
  });

  test('what the sweep did not ask for is not listed as missing', async () => {
    const records = [recordOf(calmInput({ quality: null }))];
    const report = reportOf(records, 'unasked');
    const [unasked, missed] = [false, true].map((is) => report.absences.filter((a) => a.missed === is));
    expect(unasked?.length).toBeGreaterThan(2);
    await open(report);
    const text = (await page.textContent('footer.notes')) ?? '';
    for (const { reason } of unasked ?? []) expect(text).not.toContain(reason);
    for (const { reason } of missed ?? []) expect(text).toContain(reason);
    await page.locator('tr[data-row="1"] td.number').last().click();
    const detail = (await page.textContent('aside.detail')) ?? '';
    const { quality, training, kernel, serving } = NOT_APPLICABLE;
    for (const reason of [quality, training, kernel, serving]) expect(detail).not.toContain(reason);
  });
});
