import { groupBy } from '../../../core/maps.js';
import { search } from '../../../roofline/factors/search.js';
import { withHost } from '../../../roofline/step/setting.js';
import { median } from '../../../statistics/quantile.js';
import { mean } from '../../../statistics/summary.js';
import type { Predicted } from './predictions.js';
import type { LoopTimes, Spent } from './spent.js';

/** What is fitted to whole runs: what an engine takes beside kernels. */
export interface Host {
  readonly kernelFactor: number;
  readonly stepSeconds: number;
  readonly tokenSeconds: number;
  readonly requestSeconds: number;
}

export interface EndToEnd {
  readonly tpotSeconds: number;
  readonly ttftSeconds: number;
}

const spentSeconds = ({ deviceSeconds, steps, newTokens }: Spent, host: Host) =>
  withHost(deviceSeconds, steps, newTokens, host);

export const endToEnd = ({ perToken, first }: LoopTimes, host: Host): EndToEnd => ({
  tpotSeconds: spentSeconds(perToken, host),
  ttftSeconds: spentSeconds(first, host) + host.requestSeconds,
});

/** ln of how many times larger the prediction is. */
export const tpotMiss = ({ point, times }: Predicted, host: Host) =>
  Math.log(endToEnd(times, host).tpotSeconds / point.tpotSeconds);
export const ttftMiss = ({ point, times }: Predicted, host: Host) =>
  Math.log(endToEnd(times, host).ttftSeconds / point.ttftSeconds);

/** Nothing beside the kernels. */
export const NO_HOST: Host = { kernelFactor: 1, stepSeconds: 0, tokenSeconds: 0, requestSeconds: 0 };

/** Runs that have everything in common but the load. */
export const cellOf = ({ point }: { readonly point: Predicted['point'] }) =>
  [point.model.name, point.device, point.engine, point.precision, point.file].join(' ');

const STEPS = {
  kernelFactor: { start: 1, least: 0.8, most: 1.4 },
  stepSeconds: { start: 5e-4, least: 1e-5, most: 1e-2 },
  tokenSeconds: { start: 4e-6, least: 1e-8, most: 1e-4 },
};
/** How much worse a fit may be for each e-fold that the kernels' factor lies off 1. */
const KERNELS_ARE_MEASURED = 0.3;
const REQUEST = { requestSeconds: { start: 3e-2, least: 1e-4, most: 5e-1 } };
/** TTFT has queues in it, and its loads are less well known. */
const TTFT_WEIGHT = 0.5;

/**
 * Fits the host's times: the mean over cells of the median |ln(predicted / measured)| of TPOT and, by half,
 * of TTFT is least. Medians, for single rows have hidden settings; cells, for some have ten times the rows of
 * others.
 * @param own runs of the engine itself, by which what a request takes is fitted: clients and front ends
 *   differ more than steps do. Without any, by all.
 */
export function fitHost(all: readonly Predicted[], own: readonly Predicted[] = all): Host {
  if (all.length === 0) return NO_HOST;
  const [cells, ownCells] = [cellsOf(all), cellsOf(own)];
  const steps = search({ ...STEPS, ...REQUEST }, (host) => {
    const kernels = KERNELS_ARE_MEASURED * Math.log(host.kernelFactor) ** 2;
    return lossOf(cells, tpotMiss, host) + TTFT_WEIGHT * lossOf(cells, ttftMiss, host) + kernels;
  });
  if (own === all || own.length === 0) return steps;
  const request = search(REQUEST, (values) => lossOf(ownCells, ttftMiss, { ...steps, ...values }));
  return { ...steps, ...request };
}

const cellsOf = (all: readonly Predicted[]) => [...groupBy(all, cellOf).values()];

function lossOf(
  cells: readonly (readonly Predicted[])[],
  missOf: (one: Predicted, host: Host) => number,
  host: Host,
): number {
  return mean(cells.map((cell) => median(cell.map((one) => Math.abs(missOf(one, host))))));
}
