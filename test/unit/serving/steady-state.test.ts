import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../../../core/serving/requests.js';
import { type SteadyState, steadyState } from '../../../core/serving/steady-state.js';
import { superPassRequests } from '../../../core/serving/super-passes.js';
import { answered, request } from '../../support/requests.js';

/**
 * 50 requests a super-pass, one a second; `level` gives the TPOT of a super-pass in seconds, which noise
 * moves by 3 %.
 */
function run(passes: number, level: (pass: number) => number, seed = 1): RequestRecord[] {
  const random = xoroshiro128plus(seed);
  return Array.from({ length: 50 * passes }, (_, index) =>
    answered({
      index,
      intended: index,
      ttft: 0.2,
      tpot: level(Math.floor(index / 50)) * (1 + 0.06 * (uniformFloat64(random) - 0.5)),
      chunks: [1, 1, 2, 1, 1],
    }),
  );
}

const judge = (requests: readonly RequestRecord[], minimumSeconds?: number): SteadyState =>
  steadyState(requests, {
    superPassRequests: 50,
    ...(minimumSeconds === undefined ? {} : { minimumSeconds }),
  });

describe('a steady state', () => {
  test('of a calm run is all of it but the first super-pass', () => {
    const found = judge(run(20, () => 0.02));
    expect(found).toMatchObject({
      found: true,
      superPasses: 20,
      warmUp: { superPasses: 1 },
      skipped: 0,
      shift: null,
      window: { start: 0, end: 19, requests: 950, fromSeconds: 50, toSeconds: 999 },
    });
    if (!found.found) return;
    expect(found.window.tpot.mean).toBeCloseTo(0.02, 3);
    const [low, high] = found.window.tpot.interval!;
    expect(low).toBeLessThan(found.window.tpot.mean);
    expect(high).toBeGreaterThan(found.window.tpot.mean);
  });

  test('begins behind the warm-up, however long it is', () => {
    const found = judge(run(24, (pass) => 0.02 * (1 - 0.6 * Math.exp(-pass / 2))));
    expect(found.found).toBe(true);
    expect(found.warmUp.superPasses).toBeGreaterThanOrEqual(4);
    expect(found.warmUp.superPasses).toBeLessThanOrEqual(7);
    expect(found.warmUp.byMser).toBeGreaterThanOrEqual(3);
  });

  test('of a run that changes its level is the first, and the change is told', () => {
    const found = judge(run(32, (pass) => (pass < 26 ? 0.02 : 0.04)));
    expect(found.found).toBe(true);
    if (!found.found) return;
    expect(found.window).toMatchObject({ start: 0, end: 25 });
    expect(found.plateaus).toHaveLength(2);
    expect(found.shift!.before).toBeGreaterThan(20);
    expect(found.shift!.relativeChange).toBeCloseTo(1, 1);
    expect(found.trends.tpotP50).not.toBe('down');
  });

  test('that ends before three quarters of the run is taken for warm-up by the published rule, which is told', () => {
    const found = judge(run(32, (pass) => (pass < 17 ? 0.02 : 0.026)));
    expect(found).toMatchObject({ found: true, warmUp: { superPasses: 16, capped: true }, shift: null });
  });

  test('is not what lasts too short: the next that is long enough is taken', () => {
    const found = judge(run(30, (pass) => (pass < 7 ? 0.0196 : pass < 8 ? 0.03 : 0.0204)));
    expect(found).toMatchObject({ found: true, skipped: 1, window: { start: 7, end: 29 } });
  });
});

describe('no steady state', () => {
  test('where answers become slower all the time', () => {
    const found = judge(
      run(30, (pass) => 0.02 * (1 + 0.05 * pass)),
      300,
    );
    expect(found.found).toBe(false);
    expect(found.trends).toMatchObject({ tpotP50: 'up', ttftP50: 'steady' });
  });

  test('where it lasts too short, with what it lasts and what it should', () => {
    const found = judge(run(8, () => 0.02));
    expect(found).toMatchObject({
      found: false,
      reason: 'its one plateau lasts 349.0 s, and 600.0 s are needed (the minimum that was asked for)',
      longest: { start: 0, end: 7, duration: { because: 'minimum', required: 600 } },
    });
    expect(
      judge(
        run(8, () => 0.02),
        300,
      ).found,
    ).toBe(true);
  });

  test('where latencies are as long as the run: the queue could not have forgotten', () => {
    const found = judge(
      run(20, () => 0.02).map((one) => ({
        ...one,
        dispatched: one.intended,
        done: one.done! + 300,
        firstToken: one.firstToken! + 300,
      })),
      100,
    );
    expect(found).toMatchObject({ found: false, longest: { duration: { because: 'relaxation' } } });
  });

  test('where there are too few requests, or none with a TPOT, or noise is all there is', () => {
    expect(judge(run(3, () => 0.02))).toMatchObject({
      reason:
        '150 requests are 3 super-passes of 50, 2 of them after warm-up, and a plateau has 4 at least: run longer',
    });
    expect(judge([])).toMatchObject({ found: false, superPasses: 0 });
    const unstreamed = run(20, () => 0.02).map((one) => ({ ...one, chunks: { seconds: [], tokens: [] } }));
    expect(judge(unstreamed)).toMatchObject({ reason: expect.stringContaining('no request has a TPOT') });
    const wild = judge(run(20, (pass) => (pass % 2 === 0 ? 0.02 : 0.03)));
    expect(wild).toMatchObject({
      found: false,
      reason: expect.stringMatching(
        /no 4 super-passes in a row are steady; .*median TPOT varies by \d+\.\d %/,
      ),
    });
  });
});

test('where all requests start at once, no window of starts is looked for', () => {
  const offline = run(20, () => 0.02).map((one, i) => ({
    ...one,
    dispatched: i / 1e6,
    done: one.done! + 10,
  }));
  expect(judge(offline)).toMatchObject({
    found: false,
    reason: 'all 1000 requests start at once: a window of starts cannot tell when the server is steady',
  });
});

test('requests that were never dispatched are in no super-pass', () => {
  const found = judge([...run(20, () => 0.02), request({ intended: 3 })]);
  expect(found).toMatchObject({ found: true, window: { requests: 950 } });
});

test('a super-pass is a turn of every slot, or a hundredth of the run', () => {
  expect(superPassRequests(150, 8)).toBe(20);
  expect(superPassRequests(1000, 64)).toBe(64);
  expect(superPassRequests(10_000, null)).toBe(100);
});
