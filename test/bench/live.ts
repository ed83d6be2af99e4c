/**
 * A sweep of ten thousand rows is opened in the live view and followed: how long until it is there, how long the
 * coordinator is held up by telling it (agents wait that long), and whether the page stutters while results come and
 * the reader scrolls. `--quick` takes two thousand rows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fact } from '../../coordinator/log/log.js';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { startCoordinator } from '../../coordinator/main.js';
import { readSweep } from '../../coordinator/sweeps.js';
import type { ResultRecord } from '../../core/result.js';
import { hasChromium, launchChromium } from '../support/chromium.js';
import { FakeAgent } from '../support/fake-agent.js';
import { buildPage } from '../support/page.js';
import { sweepRecords } from '../support/sweep-records.js';
import { fakeSweep } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';
import { conclude } from './figure.js';

const ROWS = process.argv.includes('--quick') ? 2_000 : 10_000;
/** Of them, those that come while the page is looked at, and how often. */
const LATER = 40;
const EVERY_MILLISECONDS = 250;
/** Agents renew leases of 30 s every 5 s; a tenth of that is nothing to them. */
const MOST_HELD_UP_SECONDS = 0.5;
const MOST_OPENING_SECONDS = 10;
const MOST_FRAME_MILLISECONDS = 50;

if (!hasChromium) throw new Error('bench:live needs chromium: bash scripts/install-test-services.sh');
buildPage();
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-live-'));
const path = join(folder, 'log.sqlite');
const document = fakeSweep(ROWS, { name: 'large' });
const { sweepId: id } = readSweep(document, []);
const all = sweepRecords({ experiments: ROWS }).map(
  (record): ResultRecord => ({ ...record, sweep: { ...record.sweep, id } }),
);
const isLater = (record: ResultRecord): boolean =>
  record.sweep.position >= ROWS - LATER && record.sweep.purpose === 'measure' && record.status === 'complete';
const early = all.filter((record) => record.sweep.position < ROWS - LATER);
const later = all.filter(isLater);

const log = new SqliteLog(path);
const at = new Date().toISOString();
await log.append([{ fact: 'SweepSubmitted', sweepId: id, document, models: [], submitter: 'bench', at }], 0);
for (let from = 0; from < early.length; from += 500) {
  const facts = early.slice(from, from + 500).map((record): Fact => ({ fact: 'ResultRecorded', record }));
  await log.append(facts, await log.end());
}
await log.close();

const coordinator = await startCoordinator({
  grpcAddress: '127.0.0.1:0',
  metricsAddress: null,
  webAddress: '127.0.0.1:0',
  log: { kind: 'sqlite', path, maxBytes: null },
  logLevel: 'error',
  drainSeconds: 0,
});
const node = later[0]?.node.name ?? 'node';
const { agent } = await FakeAgent.join(coordinator.grpcAddress, { profile: aNode(node) });
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const start = performance.now();
  await page.goto(`${coordinator.webUrl}/#/sweeps/${id}`);
  await page.waitForSelector('.results tbody tr[data-row]', { timeout: 120_000 });
  const opening = (performance.now() - start) / 1000;
  const heldUp = delay.max / 1e9;
  delay.reset();

  const scroller = page.locator('.results .scroller');
  await scroller.scrollIntoViewIfNeeded();
  // Off the table: what a row under the pointer lights up is bench:page's question.
  await page.mouse.move(2, 2);
  // As text: what the loader of this file adds to functions is not there in the page.
  await page.evaluate(`
    window.gaps = [];
    let last = performance.now();
    requestAnimationFrame(function frame(now) {
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    });
  `);
  const end = performance.now() + (later.length + 1) * EVERY_MILLISECONDS * 2;
  for (const record of later) {
    // A page that is too busy to scroll has fallen short; nobody waits for it.
    if (performance.now() > end) break;
    await agent.send(record);
    for (let i = 0; i < 5; i += 1) {
      await scroller.evaluate((element) => element.scrollBy(0, 120));
      await sleep(EVERY_MILLISECONDS / 5);
    }
  }
  const gaps = await page.evaluate<number[]>('window.gaps');
  const shown = await page.textContent('.counts');
  const sorted = [...gaps].sort((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.POSITIVE_INFINITY;
  const worst = sorted.at(-1) ?? 0;
  console.log(
    `frames: ${gaps.length}, p50 ${sorted[Math.floor(gaps.length / 2)]?.toFixed(1)} ms, worst ${worst.toFixed(0)} ms; ${shown}`,
  );
  console.log(`coordinator held up while results came: ${(delay.max / 1e9).toFixed(3)} s at most`);
  conclude('live', [
    {
      claim: `${ROWS} rows are there after`,
      measured: `${opening.toFixed(1)} s`,
      required: `at most ${MOST_OPENING_SECONDS} s`,
      holds: opening <= MOST_OPENING_SECONDS,
    },
    {
      claim: 'the coordinator is held up meanwhile for at most',
      measured: `${heldUp.toFixed(3)} s`,
      required: `at most ${MOST_HELD_UP_SECONDS} s`,
      holds: heldUp <= MOST_HELD_UP_SECONDS,
    },
    {
      claim: 'time between frames, 95th percentile, scrolling while four results a second come',
      measured: `${p95.toFixed(1)} ms`,
      required: `at most ${MOST_FRAME_MILLISECONDS} ms`,
      holds: p95 <= MOST_FRAME_MILLISECONDS,
    },
  ]);
} finally {
  agent.vanish();
  await browser.close();
  await coordinator.stop('the bench is over');
  rmSync(folder, { recursive: true, force: true });
}
