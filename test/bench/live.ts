/**
 * A sweep of ten thousand rows is opened in the live view and followed: how long until it is there, how long
 * the coordinator is held up by telling it (agents wait that long), and whether the page stutters while
 * results come and the reader scrolls its table, points along its rows, and points at its plots. `--quick`
 * takes two thousand rows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import type { Fact } from '../../coordinator/log/log.js';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { startCoordinator } from '../../coordinator/main.js';
import { readSweep } from '../../coordinator/sweeps.js';
import type { ResultRecord } from '../../core/result/result.js';
import { hasChromium, launchChromium } from '../support/chromium.js';
import { FakeAgent } from '../support/fake-agent.js';
import { buildPage } from '../support/page.js';
import { ROOFS, rooflineOf } from '../support/roofline.js';
import { sweepRecords } from '../support/sweep-records.js';
import { fakeSweep } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';
import { conclude, type Figure } from './figure.js';
import { startFrames, stopFrames, summary } from './frames.js';

const ROWS = process.argv.includes('--quick') ? 2_000 : 10_000;
/** Of them, those that come while the page is looked at, and how often. */
const LATER = 120;
const EVERY_MILLISECONDS = 250;
/** Agents renew leases of 30 s every 5 s; a tenth of that is nothing to them. */
const MOST_HELD_UP_SECONDS = 0.5;
const MOST_OPENING_SECONDS = 10;
/**
 * Milliseconds between frames: half of the display's may be missed in the worst twentieth, and no wait may be
 * long.
 */
const SMOOTH = { p95: 34, longest: 200 };

if (!hasChromium) throw new Error('bench:live needs chromium: bash scripts/install-test-services.sh');
buildPage();
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-live-'));
const path = join(folder, 'log.sqlite');
const document = fakeSweep(ROWS, { name: 'large' });
const { sweepId: id } = readSweep(document, []);
const places = Array.from({ length: 64 }, (_, i) => rooflineOf(1.2 + i / 20));
const all = sweepRecords({ experiments: ROWS }).map((record, i): ResultRecord => {
  const own = { ...record, sweep: { ...record.sweep, id } };
  if (own.status !== 'complete') return own;
  return { ...own, roofline: places[i % places.length] ?? null, roofs: ROOFS };
});
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
  const ways: readonly (readonly [name: string, what: Locator, act: (at: number) => Promise<void>])[] = [
    ['scrolling the table', scroller, () => page.mouse.wheel(0, 120)],
    ['pointing along its rows', scroller, (at) => pointAt(scroller, at)],
    [
      'pointing at the plots',
      page.locator('.zoomable').first(),
      (at) => pointAt(page.locator('.zoomable').first(), at),
    ],
  ];
  const figures: Figure[] = [];
  for (const [i, [name, what, act]] of ways.entries()) {
    await what.scrollIntoViewIfNeeded();
    await pointAt(what, 0);
    await sleep(400);
    await startFrames(page);
    const own = later.slice((i * later.length) / ways.length, ((i + 1) * later.length) / ways.length);
    const begin = performance.now();
    const end = begin + own.length * EVERY_MILLISECONDS;
    let sent = 0;
    // A page that is too busy to be pointed at has fallen short; nobody waits for it.
    for (let at = 0; performance.now() < end; at += 1) {
      for (; sent < own.length && performance.now() >= begin + sent * EVERY_MILLISECONDS; sent += 1)
        await agent.send(own[sent] as ResultRecord);
      await act(at);
      await sleep(16);
    }
    const { count, median, p95, longest } = summary(await stopFrames(page));
    console.log(
      `${name}: ${count} frames, median ${median.toFixed(1)} ms; ${await page.textContent('.counts')}`,
    );
    figures.push({
      claim: `time between frames while four results a second come, ${name}`,
      measured: `p95 ${p95.toFixed(1)} ms, longest ${longest.toFixed(0)} ms`,
      required: `p95 at most ${SMOOTH.p95} ms, longest at most ${SMOOTH.longest} ms`,
      holds: p95 <= SMOOTH.p95 && longest <= SMOOTH.longest,
    });
  }
  const told = async () => Number(/from (\d+) trials/.exec((await page.textContent('.counts')) ?? '')?.[1]);
  const wanted = early.length + later.length;
  for (let i = 0; i < 50 && (await told()) !== wanted; i += 1) await sleep(100);
  const shown = await told();
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
    ...figures,
    {
      claim: 'trials that the page shows in the end',
      measured: String(shown),
      required: String(wanted),
      holds: shown === wanted,
    },
  ]);
} finally {
  agent.vanish();
  await browser.close();
  await coordinator.stop('the bench is over');
  rmSync(folder, { recursive: true, force: true });
}

/** Moves the pointer to a place of an element that wanders with `at`. */
async function pointAt(what: Locator, at: number): Promise<void> {
  const box = await what.boundingBox();
  if (box === null) throw new Error('what is pointed at is not on the page');
  const share = (period: number) => 0.15 + 0.7 * Math.abs(((at / period) % 2) - 1);
  await what.page().mouse.move(box.x + share(97) * box.width, box.y + share(41) * Math.min(box.height, 600));
}
