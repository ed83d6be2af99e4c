import { forecastOn } from '../../coordinator/forecast.js';
import { experimentAt } from '../../core/sweep/expand.js';
import type { Space } from '../../core/sweep/space.js';
import type { SearchSpec, Sweep } from '../../core/sweep/spec.js';
import { duration } from '../../report/time-left.js';
import type { Places } from './places.js';

/**
 * How the points of a search are chosen, and when it ends; with a warning where its budget is over in its
 * first trial.
 * @param trialSeconds that one trial takes, about; null = unknown.
 */
export function searchLines(search: SearchSpec, trialSeconds: number | null): string[] {
  const { strategy, seed, fidelity, leastGainPerDeviceHour: gain } = search;
  const { trials, deviceHours, joules } = search.budget;
  const seconds = deviceHours === null ? null : deviceHours * 3600;
  const ends = [
    ...(trials === null ? [] : [trialsText(trials, trialSeconds)]),
    ...(seconds === null
      ? []
      : [`after ${seconds < 1 ? 'less than a second' : duration(seconds)} of devices`]),
    ...(joules === null ? [] : [`after ${joules} J`]),
    ...(gain === null ? [] : [`when a device-hour adds less than ${100 * gain} %`]),
    'when no point is left that may stand on the front',
  ];
  const lines = [
    `  search: ${strategy} (seed ${seed})${fidelity === 'probe' ? ', probes first' : ''}; it ends ${ends.join(', or ')}`,
  ];
  if (seconds !== null && trialSeconds !== null && seconds < trialSeconds) {
    lines.push(
      `  warning: its budget is less than one trial takes, about ${duration(trialSeconds)}: it ends after its first`,
    );
  }
  return lines;
}

/**
 * @returns a line for each kind of GPU: what a search has of its points before it measures any, or why
 *   nothing.
 */
export function priorLines(sweep: Sweep, space: Space, { nodes }: Pick<Places, 'nodes'>): string[] {
  if (sweep.search === null || !sweep.search.predict) return [];
  const { devices: asked } = sweep.placement;
  const wanted = nodes.flatMap(({ devices }) =>
    devices.filter(({ classes }) => classes.some((one) => asked.includes(one))),
  );
  const names = new Set(wanted.map(({ name }) => name));
  const points = { count: space.count, experimentAt: (at: number) => experimentAt(space, at) };
  return [...names].flatMap((name) => {
    const forecast = forecastOn(sweep, points, name);
    return forecast === null ? [] : [`  on ${name} it begins with ${forecast.says}`];
  });
}

/** `after 120 trials, which take about 6 min` of devices. */
function trialsText(trials: number, trialSeconds: number | null): string {
  const take = trialSeconds === null ? '' : `, which take about ${duration(trials * trialSeconds)}`;
  return `after ${trials.toLocaleString('en')} ${trials === 1 ? 'trial' : 'trials'}${take}`;
}
