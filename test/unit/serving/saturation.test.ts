import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, test } from 'vitest';
import { type Saturation, SaturationWatch } from '../../../core/serving/saturation.js';

/**
 * An open loop with Poisson arrivals before a server of `slots`, each taking a second a request and more or
 * less by `spread`: asked every five seconds until `seconds`.
 */
function watched(
  ratePerSecond: number,
  slots: number,
  seconds: number,
  seed: number,
  spread = 0,
): Saturation[] {
  const random = xoroshiro128plus(seed);
  const free = new Array<number>(slots).fill(0);
  const events: { at: number; started: boolean }[] = [];
  for (let at = -Math.log(1 - uniformFloat64(random)) / ratePerSecond; at < seconds; ) {
    const slot = free.indexOf(Math.min(...free));
    const takes = spread === 0 ? 1 : 1 + spread * (2 * uniformFloat64(random) - 1);
    free[slot] = Math.max(at, free[slot]!) + takes;
    events.push({ at, started: true }, { at: free[slot]!, started: false });
    at -= Math.log(1 - uniformFloat64(random)) / ratePerSecond;
  }
  events.sort((a, b) => a.at - b.at);
  const watch = new SaturationWatch();
  const said: Saturation[] = [];
  let next = 0;
  for (let now = 5; now <= seconds; now += 5) {
    for (; next < events.length && events[next]!.at <= now; next++) {
      if (events[next]!.started) watch.started(events[next]!.at);
      else watch.ended(events[next]!.at);
    }
    said.push(watch.decide(now));
  }
  return said;
}

const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1);

describe('an open loop', () => {
  test('that sends a quarter too much is found out within two minutes', () => {
    for (const seed of SEEDS) {
      const first = watched(20, 16, 120, seed).find(({ state }) => state === 'saturated');
      expect(first?.reason).toMatch(
        /requests a second start and 1[4-7]\.\d end over the last \d+ s: \d+ are on their way, and ever more/,
      );
    }
  });

  test('that the server keeps up with is left alone, also near its limit and asked 60 times', () => {
    for (const [rate, most] of [
      [8, 0],
      [14, 0],
      [15.2, 1],
    ] as const) {
      const wrong = SEEDS.filter((seed) =>
        watched(rate, 16, 300, seed, 0.5).some(({ state }) => state === 'saturated'),
      );
      expect([rate, wrong.length <= most]).toEqual([rate, true]);
    }
  });

  test('is told nothing of before half a minute', () => {
    const [first] = watched(40, 16, 30, 1);
    expect(first).toMatchObject({ state: 'too-early' });
  });
});

test('a closed loop never saturates: what ends is what starts', () => {
  const watch = new SaturationWatch();
  for (let at = 0; at < 1000; at += 0.5) {
    if (at >= 4) watch.ended(at);
    watch.started(at);
  }
  expect(watch.decide(1000)).toMatchObject({
    state: 'keeping-up',
    reason: expect.stringMatching(/: 8 are on their way$/),
  });
});
