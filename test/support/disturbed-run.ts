import type { Measurement, ResultRecord } from '../../core/result/result.js';
import { experimentOf } from './experiments.js';
import { completeTrial } from './records.js';
import { rooflineOf } from './roofline.js';

export const ROWS = 8;
/** The row that somebody took nearly all of, each time. */
export const WORST = 3;
const read = (value: number): Measurement => ({
  value,
  unit: 'ratio',
  n: 9,
  mean: value,
  median: value,
  stddev: null,
  cv: null,
  samples: null,
  ci95: null,
  source: 'sampled',
});

/**
 * Neighbours take 0.2 to 0.5 of the cores from every row, and beside one row's starts CPUs lay far apart,
 * without any effect on it.
 * @param farApart rows with such starts.
 */
export function disturbedRun(
  farApart: (position: number) => boolean = (position) => position === WORST,
): ResultRecord[] {
  return [0, 1, 2].flatMap((block) =>
    Array.from({ length: ROWS }, (_, position) => {
      const lack = 0.2 + 0.1 * ((position + block) % 4);
      const latency = farApart(position) ? 40 : 1;
      const slower = Math.exp(0.8 * lack + 0.01 * (((position * 7 + block * 5) % 3) - 1));
      const trial = completeTrial({
        experiment: experimentOf({ parallel: 1 + position }),
        position,
        block,
        attempt: block + 1,
        slower,
      });
      const roofline = rooflineOf(slower);
      const { roofRatio } = roofline.phases.find(({ name }) => name === 'decode')!;
      const readings = {
        coreShareRatio: read(1 - lack),
        coreLatencyRatio: read(latency),
        decodeRoofRatio: read(roofRatio),
      };
      return { ...trial, roofline, measurements: { ...trial.measurements, ...readings } };
    }),
  );
}
