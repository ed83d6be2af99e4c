import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunningAgent } from '../../agent/main.js';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import type { ResultRecord } from '../../core/result/result.js';
import { connectControl } from '../../proto/client.js';
import { buildReport } from '../../report/build.js';
import { quotedOf } from '../../report/quoted.js';
import { scaled } from '../../report/scale.js';
import { LONG } from '../support/cases.js';
import { hasChromium, launchChromium, shoot } from '../support/chromium.js';
import { FakeAgent } from '../support/fake-agent.js';
import { fillDays, fillLog } from '../support/filled-log.js';
import { SIX_POINTS, startFakeRunnerAgent } from '../support/live-fleet.js';
import { buildPage } from '../support/page.js';
import { freePort } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { Authority, byTokens, hasOpenssl } from '../support/tls.js';

/** Of a test that the long run alone has. */
const inLongRun: typeof test = LONG ? test : ((() => undefined) as never);
const CONFIG: CoordinatorConfig = {
  grpcAddress: '127.0.0.1:0',
  metricsAddress: null,
  webAddress: '127.0.0.1:0',
  log: { kind: 'memory' },
  logLevel: 'silent',
  heartbeatSeconds: 1,
  leaseSeconds: 10,
  drainSeconds: 0,
};
/** On a busy machine the page takes a moment. */
const PATIENT = { timeout: 60_000 };

describe.skipIf(!hasChromium)('live view (needs chromium)', () => {
  let browser: Browser;
  /** The one that there is: a page for each test would compile its programs again. */
  let page: Page;
  let folder: string;
  const closers: (() => unknown)[] = [];
  /** Errors of the page, and requests that leave the coordinator: must stay empty. */
  let trouble: string[];
  let origin: string;
  /** What the console may say. */
  let expected: RegExp | null;

  beforeAll(async () => {
    buildPage();
    folder = mkdtempSync(join(tmpdir(), 'ridgepoint-live-'));
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true });
    page.on('request', (request) => {
      const url = request.url();
      if (!/^(data|blob|about):/.test(url) && !url.startsWith(origin)) trouble.push(`request ${url}`);
    });
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      if (expected === null || !expected.test(message.text())) trouble.push(`console ${message.text()}`);
    });
    page.on('pageerror', (error) => trouble.push(`error ${error.message}`));
    page.setDefaultTimeout(20_000);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    expect(trouble).toEqual([]);
  });

  async function start(config: CoordinatorConfig = {}): Promise<RunningCoordinator & { webUrl: string }> {
    const coordinator = await startCoordinator({ ...CONFIG, ...config });
    closers.push(() => coordinator.stop('the test is over'));
    return { ...coordinator, webUrl: coordinator.webUrl ?? '' };
  }

  async function submit(address: string, document: string): Promise<string> {
    const control = connectControl({ address, security: { kind: 'plaintext' } });
    try {
      return (await control.submitSweep(submission(document))).sweepId;
    } finally {
      control.close();
    }
  }

  async function records(webUrl: string, sweepId: string): Promise<ResultRecord[]> {
    const response = await fetch(`${webUrl}/api/v1/sweeps/${sweepId}/results?trials=all`);
    return (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ResultRecord);
  }

  /** @param mayBeSaid by the console, for tests that take the coordinator away */
  async function open(url: string, mayBeSaid: RegExp | null = null): Promise<void> {
    [trouble, origin, expected] = [[], new URL(url).origin, mayBeSaid];
    closers.push(() => page.goto('about:blank'));
    await page.goto(url);
  }

  const rowsOf = (page: Page) =>
    page.$$eval('.results tbody tr[data-row]', (rows) => rows.map((row) => row.textContent ?? ''));

  test('a real sweep is followed from its submission to its last result, and the page shows the records', async () => {
    const { grpcAddress, webUrl } = await start({ fixedFleet: true });
    await open(webUrl);
    await page.waitForSelector('text=No sweeps yet');
    // It only shows, unless its operator lets it do more.
    expect(await page.locator('.submit').count()).toBe(0);
    expect(await page.textContent('.connection')).toBe('live');
    const agent: RunningAgent = await startFakeRunnerAgent(grpcAddress);
    closers.push(() => agent.stopNow());
    const sweepId = await submit(grpcAddress, SIX_POINTS);
    await page.click('a:has-text("followed")');
    await page.waitForSelector('.running li');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('followed');
    // The first rows are there while others are still running, and what the reader does then stays.
    await page.waitForSelector('.results tbody tr[data-row]');
    const early = (await rowsOf(page)).length;
    expect(early).toBeLessThan(6);
    await shoot(page, 'live-sweep-running');
    await page.fill('input[type=search]', 'parallel=2');
    await expect
      .poll(() => page.textContent('.standing-line'), { timeout: 60_000 })
      .toContain('6 of 6 settled');
    await expect.poll(() => page.textContent('.results [role=status]')).toContain('3 of 6 rows');
    expect(await page.inputValue('input[type=search]')).toBe('parallel=2');
    await page.click('button:has-text("Show all")');

    const stored = await records(webUrl, sweepId);
    const report = buildReport(stored, {
      sweepName: 'followed',
      objectives: [
        { metric: 'decodeTokensPerSecond', better: 'max' },
        { metric: 'peakResidentBytes', better: 'min' },
      ],
    });
    const shown = await rowsOf(page);
    expect(shown).toHaveLength(6);
    const decode = report.metrics.find((m) => m.name === 'decodeTokensPerSecond')!;
    for (const [i, row] of report.rows.entries()) {
      expect(shown[i]).toContain(scaled(quotedOf(row, decode.name)!.value, decode.scale));
    }
    expect(await page.$$eval('.results .star', (all) => all.length)).toBe(
      report.rows.filter((row) => row.onFront).length,
    );
    await shoot(page, 'live-sweep-done', { fullPage: true });
    // The readings of a trial come when somebody looks at it.
    const asked = page.waitForRequest((request) => request.url().includes('/api/v1/trials/'));
    await page.click('tr[data-row="2"] td:nth-child(3)');
    await asked;
    await page.waitForSelector('aside.detail .chart svg');
    await page.keyboard.press('Escape');
    await page.click('nav a:has-text("Fleet")');
    await page.waitForSelector('tr[data-node="node1"]');
    expect(await page.textContent('tr[data-node="node1"]')).toContain('fake');
    await shoot(page, 'live-fleet');
  });

  test('a sweep is submitted with its errors shown first, paused and resumed, and cancelled once that is confirmed', async () => {
    const { grpcAddress, webUrl } = await start({ webWrites: true });
    const { agent } = await FakeAgent.join(grpcAddress);
    closers.push(() => agent.vanish());
    await open(webUrl, /400/);
    await page.click('summary:has-text("Submit a sweep")');
    const text = page.locator('.submit textarea');
    const document = fakeSweep(4, { name: 'typed' });
    await text.fill(document.replace('kind: fake', 'kind: fakke'));
    await page.click('.submit button[type=submit]');
    const problem = page.locator('.submit .problems button').first();
    await expect.poll(() => problem.textContent(), PATIENT).toMatch(/^line 7, column \d+, spec.runners/);
    await shoot(page, 'live-submit');
    await problem.click();
    const cursor = () => text.evaluate((area: HTMLTextAreaElement) => area.value.slice(area.selectionStart));
    expect(await cursor()).toMatch(/^fakke/);
    await text.fill(fakeSweep(4, { objectives: '{ energyPerOutputTokenJoules: min }' }));
    await page.click('.submit button[type=submit]');
    const problems = () => page.locator('.submit .problems li').allTextContents();
    await expect
      .poll(problems, PATIENT)
      .toEqual([
        expect.stringMatching(/energyPerOutputTokenJoules: no row will have a number.*no source in a test$/),
        expect.stringContaining('ridge doctor'),
      ]);
    await text.fill(document);
    await page.click('.submit button[type=submit]');
    await expect.poll(() => page.textContent('h1'), PATIENT).toBe('typed');
    await agent.report(await agent.lease());
    await page.waitForSelector('.results tbody tr[data-row]');

    const running = await agent.lease();
    await page.click('button:has-text("Pause")');
    const standing = () => page.textContent('.standing-line');
    await expect.poll(standing, PATIENT).toContain('paused: the trial that runs is finished');
    await agent.report(running);
    await expect.poll(standing, PATIENT).toContain('paused: nothing of it runs');
    expect(await page.textContent('.reasons')).toMatch(/^Paused.*paused by /);
    expect(await agent.ask()).toMatchObject({ $case: 'noWork' });
    await shoot(page, 'live-paused');
    await page.keyboard.press('Enter');
    await page.waitForSelector('button:has-text("Pause")');
    await agent.report(await agent.lease());

    await page.click('button:has-text("Cancel…")');
    await shoot(page, 'live-cancel');
    await page.click('.cancel button:has-text("Go on")');
    expect(await page.locator('.cancel button.danger').count()).toBe(0);
    await page.click('button:has-text("Cancel…")');
    await page.click('button:has-text("Cancel the sweep")');
    await expect.poll(standing, PATIENT).toContain('cancelled');
    expect(await page.locator('.standing .steering').count()).toBe(0);
    await expect.poll(async () => (await rowsOf(page)).length, PATIENT).toBe(3);
  });

  test('in the first pass of several starts a row is not called quick, and neither is it after the second', async () => {
    const { grpcAddress, webUrl } = await start();
    const { agent } = await FakeAgent.join(grpcAddress);
    closers.push(() => agent.vanish());
    const document = fakeSweep(1, {
      name: 'passes',
      measure: '{ starts: 3 }',
      placement: '{ driftControl: false }',
    });
    const sweepId = await submit(grpcAddress, document);
    await agent.report(await agent.lease());
    await open(`${webUrl}/#/sweeps/${sweepId}`);
    const headlines = () => page.$$eval('.headline', (all) => all.map((one) => one.textContent ?? ''));
    const first = 'first pass: each row has one start of 3 so far, intervals narrow with the second';
    await expect.poll(headlines, PATIENT).toEqual([first]);
    expect(await page.textContent('.standing-line')).toContain('start 2 of 3');
    expect(await page.textContent('body')).not.toContain('quick');
    await agent.report(await agent.lease());
    await expect.poll(headlines, PATIENT).not.toContain(first);
    expect(await page.textContent('body')).not.toContain('quick');
  });

  test('after a restart of the coordinator the page goes on by itself, with no row lost or doubled', async () => {
    const port = await freePort();
    const grpcPort = await freePort();
    const config: CoordinatorConfig = {
      grpcAddress: `127.0.0.1:${grpcPort}`,
      webAddress: `127.0.0.1:${port}`,
      log: { kind: 'sqlite', path: join(folder, 'restarted.sqlite') },
    };
    const before = await start(config);
    const { agent } = await FakeAgent.join(before.grpcAddress);
    const sweepId = await submit(before.grpcAddress, fakeSweep(5));
    await agent.report(await agent.lease());
    await open(`${before.webUrl}/#/sweeps/${sweepId}`, /ERR_|Failed to load/);
    await page.waitForSelector('.results tbody tr[data-row]');
    await agent.report(await agent.lease());
    await expect.poll(async () => (await rowsOf(page)).length).toBe(2);
    agent.vanish();
    await before.stop('restarted');
    await page.waitForSelector('.connection.lost');

    const after = await start(config);
    const { agent: again } = await FakeAgent.join(after.grpcAddress);
    closers.push(() => again.vanish());
    await page.waitForSelector('.connection.open');
    await again.work();
    await expect.poll(async () => (await rowsOf(page)).length, { timeout: 60_000 }).toBe(5);
    await expect.poll(() => page.textContent('.standing-line')).toContain('5 of 5 settled');
    // The same page: nothing was loaded again.
    expect(await page.evaluate(() => performance.getEntriesByType('navigation').length)).toBe(1);
    expect(await page.textContent('.counts')).toContain('from 5 trials');
  });

  inLongRun(
    'a view that began with one row takes its colours when axes vary, and rows keep their numbers',
    async () => {
      const { grpcAddress, webUrl } = await start();
      const { agent } = await FakeAgent.join(grpcAddress);
      closers.push(() => agent.vanish());
      const sweepId = await submit(grpcAddress, fakeSweep(5));
      const report = async () => agent.report(await agent.lease(), { everyMetric: true });
      const numbers = async () =>
        (
          await page.$$eval('.results tbody tr[data-row]', (rows) =>
            rows.map((row) => row.getAttribute('data-row')),
          )
        ).map(Number);
      const places = [(await report()).sweep.position + 1];
      await open(`${webUrl}/#/sweeps/${sweepId}`);
      const colour = page.locator('section:has(#pareto) label:has-text("Colour") select');
      await colour.waitFor();
      expect(await colour.inputValue()).toBe('');
      expect(await numbers()).toEqual(places);
      places.push((await report()).sweep.position + 1);
      await expect.poll(() => colour.inputValue(), PATIENT).toBe('generateTokens');
      expect(await numbers()).toEqual(places.toSorted((a, b) => a - b));
      // What the reader chose stays.
      await colour.selectOption('');
      for (let i = 0; i < 3; i += 1) places.push((await report()).sweep.position + 1);
      await expect.poll(numbers, PATIENT).toEqual([1, 2, 3, 4, 5]);
      expect(places.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
      expect(await colour.inputValue()).toBe('');
    },
  );

  test('hundreds of rows: what is in view stays in its place while results come above it, and plots follow', async () => {
    const { grpcAddress, webUrl } = await start();
    const { agent } = await FakeAgent.join(grpcAddress);
    closers.push(() => agent.vanish());
    const there = LONG ? 530 : 130;
    const sweepId = await submit(grpcAddress, fakeSweep(there + 30));
    const report = async () => agent.report(await agent.lease(), { everyMetric: true });
    for (let i = 0; i < there; i += 1) await report();
    await open(`${webUrl}/#/sweeps/${sweepId}`);
    const note = () => page.locator('section:has(#pareto) .bar p').first().textContent();
    await expect.poll(note, PATIENT).toBe(`1 of ${there} on the front`);
    const scroller = page.locator('.results .scroller');
    await scroller.scrollIntoViewIfNeeded();
    await scroller.evaluate((element, rows) => {
      element.scrollTop = rows * 30 + 7;
    }, there / 2);
    await page.waitForTimeout(300);
    // The first row below the headings: results that come in between it and the next move these, as they
    // must.
    const first = () =>
      scroller.evaluate((element) => {
        const at = element.querySelector('thead th')!.getBoundingClientRect().bottom;
        const rows = [...element.querySelectorAll('tr[data-row]')];
        const row = rows.find((one) => one.getBoundingClientRect().bottom > at);
        return { number: row?.getAttribute('data-row'), top: row?.getBoundingClientRect().top };
      });
    const before = await first();
    await scroller.hover();
    for (let i = 0; i < 30; i += 1) await report();
    await expect.poll(() => page.textContent('.results .shown'), PATIENT).toBe(`${there + 30} rows`);
    expect(await first()).toEqual(before);
    // Nobody looked at the plot, so it was left alone; whoever comes back to it sees all.
    await page.locator('#pareto').scrollIntoViewIfNeeded();
    await expect.poll(note, PATIENT).toBe(`1 of ${there + 30} on the front`);
  });

  inLongRun(
    'more than two thousand results are shown and sorted, and a row that is ticked brings its times',
    async () => {
      const results = 2100;
      const filled = await fillLog(join(folder, 'large.sqlite'), { results });
      const { webUrl } = await start({ log: { kind: 'sqlite', path: filled.path } });
      await open(`${webUrl}/#/sweeps/${filled.sweepId}`);
      await expect.poll(() => page.textContent('.results .shown'), PATIENT).toBe(`${results} rows`);
      expect(await page.textContent('footer.notes')).toContain(
        'the times between tokens come when a row is ticked',
      );

      // An axis of the fake runner has the word in its name, too.
      await page.click('.results th button:has(.name:text-is("decode"))');
      const first = page.locator('.results tbody tr[data-row]').first();
      const stored = await records(webUrl, filled.sweepId);
      const decode = (record: ResultRecord) => record.measurements.decodeTokensPerSecond?.value ?? 0;
      const fastest = stored.reduce((best, record) => (decode(record) > decode(best) ? record : best));
      const { position } = fastest.sweep;
      await expect.poll(() => first.getAttribute('data-row'), PATIENT).toBe(String(position + 1));

      // What the page ticks by itself is shown, so it has come; of others nothing has been asked for.
      const second = page.locator('.results tbody tr[data-row]').nth(1);
      const number = Number(await second.getAttribute('data-row'));
      const { trialId, tokenSeconds } = stored.find(({ sweep }) => sweep.position === number - 1) ?? fastest;
      const key = page.locator('section:has(#latency) ul.key');
      expect(await key.textContent()).not.toContain(`#${number} `);
      const answer = page.waitForResponse((response) =>
        response.url().endsWith(`/trials/${encodeURIComponent(trialId)}`),
      );
      await second.locator('input[type=checkbox]').check();
      const whole = (await (await answer).json()) as ResultRecord;
      expect(whole.tokenSeconds).toEqual(tokenSeconds);
      await expect.poll(() => key.textContent(), PATIENT).toContain(`#${number} `);
      await page.locator('section:has(#latency)').scrollIntoViewIfNeeded();
      await shoot(page, 'live-large', { fullPage: true });
    },
    180_000,
  );

  test('another sweep of the coordinator is compared with the one that is followed, while that goes on', async () => {
    const { grpcAddress, webUrl } = await start();
    const { agent } = await FakeAgent.join(grpcAddress);
    closers.push(() => agent.vanish());
    await submit(grpcAddress, fakeSweep(3, { name: 'before' }));
    await agent.work(() => ({ everyMetric: true, decodeTokensPerSecond: 100 }));
    // The same points, measured by another policy: no result is taken over.
    const again = fakeSweep(3, { name: 'after', measure: '{ starts: 1, maxRepeats: 9 }' });
    const sweepId = await submit(grpcAddress, again);
    const better = { everyMetric: true, decodeTokensPerSecond: 120 };
    await agent.report(await agent.lease(), better);
    await agent.report(await agent.lease(), better);
    await submit(grpcAddress, fakeSweep(1, { name: 'empty' }).replace('[1]', '[77]'));

    await open(`${webUrl}/#/sweeps/${sweepId}`);
    const view = page.locator('.comparison');
    await view.locator('label:has-text("Between") select').selectOption('run');
    const runs = view.locator('label:has(option:has-text("choose a run")) select');
    await expect
      .poll(
        async () => (await runs.locator('option').allTextContents()).map((text) => text.split(',')[0]),
        PATIENT,
      )
      .toEqual(['choose a run', 'empty', 'before']);
    await runs.selectOption('0');
    await expect
      .poll(() => view.locator('[role=alert]').textContent())
      .toMatch(/^empty, .* has no results yet/);
    await runs.selectOption('1');
    await view.locator('label:has-text("Number") select').selectOption('decodeTokensPerSecond');
    // Beside that of all experiments together.
    const changed = async () =>
      (await view.locator('.changes tbody tr').allTextContents()).filter(
        (line) => !line.startsWith('all ') && line.includes('× 1.200'),
      ).length;
    await expect.poll(changed, PATIENT).toBe(2);
    expect(await view.locator('[role=alert]').count()).toBe(0);
    expect(await view.locator('.bar p').first().textContent()).toMatch(/^2 pairs, 1 only in A; /);
    await shoot(page, 'live-comparison', { fullPage: true });
    await agent.work(() => better);
    await expect.poll(changed, PATIENT).toBe(3);
  });

  test('the same experiments over time: limits, the day since which a level is another, and a baseline by its name', async () => {
    const path = join(folder, 'drifting.sqlite');
    const records = await fillDays(path, 24);
    const saved = { name: 'release-1', savedAt: '2026-01-04T00:00:00Z', records: () => records.slice(0, 6) };
    const coordinator = await startCoordinator({ ...CONFIG, log: { kind: 'sqlite', path } }, () => [saved]);
    closers.push(() => coordinator.stop('the test is over'));
    await open(coordinator.webUrl ?? '');
    await page.click('nav a:has-text("Drift")');
    await page.waitForSelector('.plot.control.alarm .chart svg');
    expect(await page.textContent('.counts')).toContain('baselines: release-1 (2026-01-04)');
    expect(await page.textContent('.alarms')).toMatch(
      /decodeTokensPerSecond is \d\.\d % lower since 2026-01-13 03:00/,
    );
    const plots = page.locator('.plot.control');
    expect(await plots.count()).toBe(3);
    const one = plots.nth(1);
    expect(await one.locator('.bar p').textContent()).toMatch(
      /out of limits · usually .* · limits .* to .* · release-1 /,
    );
    expect(await one.textContent()).toContain('with it changed engine: a → b');
    expect(await one.locator('svg').textContent()).toMatch(/usual.*release-1.*−8\.\d %/);
    await one.locator('button:has-text("Numbers")').click();
    expect(await one.locator('.numbers tbody tr').count()).toBe(24);
    await shoot(page, 'live-drift');
    await one.locator('button:has-text("Hide numbers")').click();
    closers.push(() => page.setViewportSize({ width: 1280, height: 900 }));
    await page.setViewportSize({ width: 390, height: 844 });
    await expect
      .poll(() => page.evaluate(() => document.documentElement.scrollWidth), PATIENT)
      .toBeLessThanOrEqual(390);
    await shoot(page, 'live-drift-narrow');
  });

  test('a node that runs, and one that is gone, on the page of the fleet', async () => {
    const { grpcAddress, webUrl } = await start();
    await open(`${webUrl}/#/fleet`);
    await page.waitForSelector('text=No agent has joined yet');
    const { agent } = await FakeAgent.join(grpcAddress);
    await submit(grpcAddress, fakeSweep(2));
    const { trialId } = await agent.lease();
    const step = { trialId, phase: 'decode', repeat: 2, maxRepeats: 3, elapsedSeconds: 1 };
    await agent.say({ $case: 'progress', value: step });
    const row = page.locator('tr[data-node="node-a"]');
    await expect.poll(() => row.textContent()).toMatch(/busy.*decode 2\/3/);
    expect(await row.textContent()).toContain('none: no source in a test');
    agent.vanish();
    await expect.poll(() => row.textContent()).toContain('lost');
    expect(await page.textContent('.counts')).toContain('1 lost');
  });

  test.skipIf(!hasOpenssl)(
    'without a token nothing is shown, and with one everything (needs openssl)',
    async () => {
      const rights = { people: { scopes: ['read'] }, fleet: { scopes: ['agent'] } } as const;
      const { webUrl } = await start({
        grpcAddress: 'localhost:0',
        webAddress: 'localhost:0',
        security: byTokens(new Authority(folder).issue('coordinator'), rights),
      });
      await open(webUrl, /status of 40[13]/);
      const give = async (token: string) => {
        await page.fill('input[name=token]', token);
        await page.click('button:has-text("Open")');
      };
      expect(await page.textContent('[role=alert]')).toContain('wants a token');
      expect(await page.$('.listing')).toBeNull();
      await give('guess-0123456789abcdef');
      await expect.poll(() => page.textContent('[role=alert]')).toContain('is not known here');
      await give('fleet-0123456789abcdef');
      await expect.poll(() => page.textContent('[role=alert]')).toContain('does not have the scope "read"');
      await shoot(page, 'live-token');
      await give('people-0123456789abcdef');
      await page.waitForSelector('text=No sweeps yet');
      await page.reload();
      await page.waitForSelector('text=No sweeps yet');
    },
  );
});
