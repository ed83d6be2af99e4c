import { predictedPoint } from '../batching/predicted-point.js';
import { toFailure } from '../core/errors.js';
import type { Experiment } from '../core/experiment/experiment.js';
import { getOrMake } from '../core/maps.js';
import type { MetricName } from '../core/metrics/catalogue.js';
import { runnerNamed } from '../core/runners/index.js';
import type { Sweep } from '../core/sweep/spec.js';
import { publishedShapes } from '../roofline/configs/index.js';
import { hardwareNamed } from '../roofline/hardware/catalogue.js';
import type { Forecast, Prediction } from '../search/history.js';
import { costOf } from '../search/objectives.js';

/**
 * A search asks for hundreds of points between two trials, while heartbeats wait: so many requests, or two
 * rounds of a loop that holds more.
 */
const LEAST_REQUESTS = 48;
const ROUNDS = 2;
const MOST_STEPS = 20_000;
/** Points that are looked at for what predictions follow from. */
const LOOKED_AT = 16;
/**
 * Share of the variance of costs that is believed of predictions from tables: they order three quarters to
 * nineteen twentieths of pairs of measured points rightly, by what the pairs differ in (docs/figures.md).
 */
const EXPLAINED = 0.8;

/** The points of a sweep. */
interface ForecastPoints {
  readonly count: number;
  experimentAt(position: number): Experiment;
}

/**
 * What a search has of points on a device before it measures any: rows of servers on GPUs are simulated by
 * the tables of their engine.
 * @param deviceName as its system calls it.
 * @returns null where the sweep asks no server whose operators were measured, or the device is no GPU.
 */
export function forecastOn(
  { runners, models, objectives, placement }: Sweep,
  { count, experimentAt }: ForecastPoints,
  deviceName: string,
): Forecast | null {
  const onCpus = placement.devices.every((device) => device === 'cpu');
  if (onCpus || runners.every(({ kind }) => runnerNamed(kind)?.tables == null)) return null;
  const noForecast = (why: string): Forecast => ({ says: `no predictions: ${why}`, predict: null });
  const device = hardwareNamed(deviceName);
  if (device === null) return noForecast(`${deviceName} is no device of the catalogue, and has no tables`);
  if (device.kind !== 'gpu') return null;
  const shapes = new Map(models.map((model) => [model.name, publishedShapes(model)]));
  const unknown = models.filter(({ name }) => shapes.get(name) === null).map(({ name }) => name);
  if (unknown.length === models.length)
    return noForecast(`the shapes of ${unknown.join(', ')} are not published under such a name`);
  const predicted = (position: number) => {
    const experiment = experimentAt(position);
    const found = shapes.get(experiment.model.name);
    if (found == null) return [`the shapes of ${experiment.model.name} are not published`];
    try {
      const { architecture } = found;
      const on = { architecture, device, release: null, host: null, own: null, trace: null };
      const { concurrency } = experiment.workload.options;
      const maxRequests = Math.max(LEAST_REQUESTS, ROUNDS * Number(concurrency ?? 1));
      return predictedPoint({ point: experiment, ...on, effort: { maxRequests, maxSteps: MOST_STEPS } });
    } catch (error) {
      return [toFailure(error).message];
    }
  };
  const cache = new Map<number, Prediction | null>();
  const predict = (position: number) =>
    getOrMake(cache, position, (): Prediction | null => {
      const found = predicted(position);
      if (!('source' in found)) return null;
      const { entries, spread, runSeconds, aroundSeconds } = found;
      const costs = objectives.map(({ metric, better }) =>
        costOf(metric, better, entries[metric as MetricName]?.value ?? null),
      );
      if (costs.every((cost) => cost === null)) return null;
      return {
        // What is not predicted is taken for equal: it orders nothing.
        costs: costs.map((cost) => cost ?? 0),
        deviations: costs.map((cost) => (cost === null ? 0 : spread)),
        explained: EXPLAINED,
        fails: 0,
        seconds: runSeconds + aroundSeconds,
      };
    });
  return { says: saysOf(predicted, Math.min(LOOKED_AT, count)), predict };
}

/** By the first point of which something is predicted, which stands for the others. */
function saysOf(predicted: (position: number) => ReturnType<typeof predictedPoint>, count: number): string {
  let why = 'it has no points';
  for (let position = count - 1; position >= 0; position--) {
    const found = predicted(position);
    if ('source' in found)
      return `${found.source}, predicted and not measured${found.widened.map((clause) => `; ${clause}`).join('')}`;
    why = found.join('; ');
  }
  return `no predictions: ${why}`;
}
