import { groupBy } from '../../../core/maps.js';
import { calibrateHost } from '../../../roofline/step/calibrate.js';
import { drawFrom, shuffled } from '../statistics/draw.js';
import { cellOf, endToEnd, type Host } from './host.js';
import type { Predicted } from './predictions.js';
import { type Judged, judgedBy } from './splits.js';

/** Three points of one's own, and enough others to judge by. */
const OWN_POINTS = 3;
const FEWEST = 12;
const SEEDS = [1, 2, 3, 4, 5];

/**
 * Calibrates by three points of a cell, drawn at random, and judges the rest of it: what
 * `ridge factors --calibrate` does.
 * @param hostOf fitted without the model of a point.
 */
export function withOwnPoints(all: readonly Predicted[], hostOf: (one: Predicted) => Host): Judged[] {
  return [...groupBy(all, cellOf).values()]
    .filter((cell) => cell.length >= FEWEST)
    .flatMap((cell) =>
      SEEDS.flatMap((seed) => {
        const drawn = shuffled(cell, drawFrom(seed));
        const host = calibrated(drawn.slice(0, OWN_POINTS), hostOf(cell[0]!));
        return drawn.slice(OWN_POINTS).map((one) => judgedBy(one, host));
      }),
    );
}

function calibrated(own: readonly Predicted[], before: Host): Host {
  const points = own.flatMap(({ point, times }) => [
    {
      measuredSeconds: point.tpotSeconds,
      secondsUnder: (host: Partial<Record<keyof Host, number | null>>) =>
        endToEnd(times, complete(host)).tpotSeconds,
    },
    {
      measuredSeconds: point.ttftSeconds,
      secondsUnder: (host: Partial<Record<keyof Host, number | null>>) =>
        endToEnd(times, complete(host)).ttftSeconds,
    },
  ]);
  return complete(calibrateHost(points, { ...before, spread: null, source: 'runs of other models' }));
}

const complete = (host: Partial<Record<keyof Host, number | null>>): Host => ({
  kernelFactor: host.kernelFactor ?? 1,
  stepSeconds: host.stepSeconds ?? 0,
  tokenSeconds: host.tokenSeconds ?? 0,
  requestSeconds: host.requestSeconds ?? 0,
});
