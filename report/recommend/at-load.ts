import type { AxisValue } from '../../core/experiment/experiment.js';
import { groupBy } from '../../core/maps.js';
import { meanLength, parseLengths } from '../../core/serving/lengths.js';
import type { Interval } from '../../statistics/interval.js';
import type { Candidate } from './candidate.js';
import { absentFigure, type Figure } from './figure.js';

/** Options of a workload with the number that each is to have. */
export type Load = ReadonlyMap<string, number>;

/**
 * Candidates at a load that was not measured: one for each configuration, interpolated between the two loads
 * around it. In a closed loop, latencies bend upwards where slots are used up, and rates downwards, so that a
 * chord errs on the side of caution. Beyond the loads that were measured nothing is said.
 * @returns one candidate for each set of settings other than the load; without a load the
 *   candidates as they are.
 */
export function atLoad(candidates: readonly Candidate[], load: Load): readonly Candidate[] {
  return [...load].reduce<readonly Candidate[]>(
    (given, [axis, wanted]) => interpolatedAlongAxis(given, axis, wanted),
    candidates,
  );
}

/** @returns the number of an axis; of lengths that are drawn their mean; null for what is none. */
export function loadOf(value: AxisValue | undefined): number | null {
  if (typeof value === 'number') return value;
  const lengths = typeof value === 'string' ? parseLengths(value) : null;
  return lengths === null || typeof lengths === 'string' ? null : meanLength(lengths);
}

interface Placed {
  readonly at: number;
  readonly candidate: Candidate;
}

function interpolatedAlongAxis(candidates: readonly Candidate[], axis: string, wanted: number): Candidate[] {
  const placed = candidates.flatMap((candidate): Placed[] => {
    const at = loadOf(candidate.axes[axis]);
    return at === null ? [] : [{ at, candidate }];
  });
  const groups = groupBy(
    placed.sort((a, b) => a.at - b.at),
    ({ candidate: { axes } }) => {
      const others = Object.entries(axes).filter(([name]) => name !== axis);
      return JSON.stringify(others.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  );
  return [...groups.values()].map((group) => interpolateCandidates(group, axis, wanted));
}

function interpolateCandidates(group: readonly Placed[], axis: string, wanted: number): Candidate {
  const exactly = group.find(({ at }) => at === wanted);
  if (exactly !== undefined) return exactly.candidate;
  const above = group.findIndex(({ at }) => at > wanted);
  const [low, high] = above <= 0 ? [null, null] : [group[above - 1]!, group[above]!];
  const nearest = (low ?? (above === 0 ? group[0]! : group.at(-1)!)).candidate;
  const label = nearest.label;
  const moved: Pick<Candidate, 'label' | 'axes' | 'experiment'> = {
    label: `${label}, at ${axis}=${wanted}`,
    axes: { ...nearest.axes, [axis]: wanted },
    experiment: withLoad(nearest, axis, wanted),
  };
  if (low === null || high === null) {
    const [from, to] = [group[0]!.at, group.at(-1)!.at];
    const problem = `${axis}=${wanted} is beyond what was measured (${from === to ? from : `${from} to ${to}`})`;
    return { ...nearest, ...moved, from: 'between', problem, figure: () => absentFigure(problem) };
  }
  const share = (wanted - low.at) / (high.at - low.at);
  return {
    ...nearest,
    ...moved,
    from: 'between',
    problem: low.candidate.problem ?? high.candidate.problem,
    starts: Math.min(low.candidate.starts, high.candidate.starts),
    figure: (quantity) => chord(low.candidate.figure(quantity), high.candidate.figure(quantity), share),
  };
}

function withLoad({ experiment }: Candidate, axis: string, wanted: number): Candidate['experiment'] {
  const { workload } = experiment;
  if (!(axis in workload.options)) return experiment;
  return { ...experiment, workload: { ...workload, options: { ...workload.options, [axis]: wanted } } };
}

function chord(a: Figure, b: Figure, share: number): Figure {
  if (a.value === null || b.value === null) return absentFigure(a.reason ?? b.reason ?? 'not measured');
  const interpolated = (left: number, right: number) => left + share * (right - left);
  const ends = (figure: Figure): Interval | null =>
    figure.interval ?? (figure.exact ? [figure.value!, figure.value!] : null);
  const [left, right] = [ends(a), ends(b)];
  const interval: Interval | null =
    left === null || right === null
      ? null
      : [interpolated(left[0], right[0]), interpolated(left[1], right[1])];
  return {
    value: interpolated(a.value, b.value),
    interval: a.exact && b.exact ? null : interval,
    exact: a.exact && b.exact,
    reason: interval === null ? (a.reason ?? b.reason) : null,
  };
}
