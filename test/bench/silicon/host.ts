import { groupBy } from '../../../core/maps.js';
import { search } from '../../../roofline/factors/search.js';
import { withHost } from '../../../roofline/step/setting.js';
import { median } from '../../../statistics/quantile.js';
import { mean } from '../../../statistics/summary.js';
import type { LoopTimes, Spent } from './closed-loop.js';
import type { Predicted } from './predictions.js';

/** What is fitted to whole runs: what an engine takes beside kernels. */
export interface Host {
  readonly kernelFactor: number;
  readonly stepSeconds: number;
  readonly sequenceSeconds: number;
  readonly requestSeconds: number;
}

export interface EndToEnd {
  readonly tpotSeconds: number;
  readonly ttftSeconds: number;
}

const spentSeconds = ({ deviceSeconds, steps, sequences }: Spent, host: Host) =>
  withHost(deviceSeconds, steps, sequences, host);

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
export const NO_HOST: Host = { kernelFactor: 1, stepSeconds: 0, sequenceSeconds: 0, requestSeconds: 0 };

/** Runs that have everything in common but the load. */
export const cellOf = ({ point }: { readonly point: Predicted['point'] }) =>
  [point.model.name, point.device, point.engine, point.precision, point.file].join(' ');

const STEPS = {
  kernelFactor: { start: 1, least: 0.8, most: 1.4 },
  stepSeconds: { start: 5e-4, least: 1e-5, most: 1e-2 },
  sequenceSeconds: { start: 1e-5, least: 1e-7, most: 2e-4 },
};
/** How much worse a fit may be for each e-fold that the kernels' factor lies off 1. */
const KERNELS_ARE_MEASURED = 0.3;
const REQUEST = { requestSeconds: { start: 3e-2, least: 1e-4, most: 5e-1 } };

/**
 * Fits the host's times: the mean over cells of the median |ln(predicted / measured)| is least, TPOT first,
 * then what a request takes by TTFT. Medians, for single rows have hidden settings; cells, for some have ten
 * times the rows of others.
 */
export function fitHost(all: readonly Predicted[]): Host {
  const cells = [...groupBy(all, cellOf).values()];
  if (all.length === 0) return NO_HOST;
  const loss = (miss: (one: Predicted) => number) =>
    mean(cells.map((cell) => median(cell.map((one) => Math.abs(miss(one))))));
  const steps = search(STEPS, (values) => {
    const host = { ...NO_HOST, ...values };
    return loss((one) => tpotMiss(one, host)) + KERNELS_ARE_MEASURED * Math.log(values.kernelFactor) ** 2;
  });
  const request = search(REQUEST, (values) =>
    loss((one) => ttftMiss(one, { ...NO_HOST, ...steps, ...values })),
  );
  return { ...steps, ...request };
}
