import { groupBy } from '../../core/maps.js';
import type { ROOF_LABELS } from '../../core/metrics/exported.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { RooflinePhase, RooflineRecord } from '../../core/result/roofline-record.js';
import type { Objective } from '../../core/sweep/spec.js';
import { isBetter, recordFront } from '../../judgement/pareto.js';
import { comparableOf } from '../../report/quoted.js';
import { phasesOf } from '../../report/roofline.js';
import type { SweepView } from '../scheduler/view.js';
import { addSeries, type MetricRegistry, type Row } from './defined.js';
import { resultLabels } from './labels.js';
import type { WindowResult } from './window.js';

/**
 * A result that is exported, and whether it is on the front of its sweep; null where the sweep has no
 * objectives.
 */
export interface RankedResult {
  readonly record: ResultRecord;
  /** Trials that it is made of. */
  readonly starts: number;
  readonly onFront: boolean | null;
  /** Objectives of its sweep by which no exported result is better. */
  readonly bestBy: readonly string[];
}

/** By what the results of a sweep are judged. */
type Goals = Pick<SweepView, 'objectives' | 'bounds'>;

/**
 * Where results stand among those of their sweep that are exported, each sweep by its own objectives.
 * @param goalsOf a sweep's, by its id; undefined for one that is not known any more.
 */
export function rankResults(
  results: readonly WindowResult[],
  goalsOf: (sweepId: string) => Goals | undefined,
): RankedResult[] {
  return [...groupBy(results, ({ record }) => record.sweep.id)].flatMap(([id, group]) => {
    const own = group.map(({ record }) => record);
    const { objectives, bounds } = goalsOf(id) ?? { objectives: [], bounds: [] };
    const marks = recordFront(own, objectives, bounds);
    const best = objectives.map((objective) => [objective.metric, bestOf(own, objective)] as const);
    return group.map(({ record, starts }, i) => ({
      record,
      starts: starts.length,
      onFront: objectives.length === 0 ? null : (marks[i]?.onFront ?? false),
      bestBy: best.filter(([, holder]) => holder === record).map(([metric]) => metric),
    }));
  });
}

function bestOf(records: readonly ResultRecord[], { metric, better }: Objective): ResultRecord | null {
  let best: ResultRecord | null = null;
  for (const record of records) {
    const value = comparableOf({ trial: record }, metric);
    const bestValue = best === null ? null : comparableOf({ trial: best }, metric);
    if (value !== null && (bestValue === null || isBetter(value, bestValue, better))) best = record;
  }
  return best;
}

/** A ceiling that exported results stand under: min(peak, bandwidth · intensity), by its labels. */
interface Roof {
  readonly labels: Record<(typeof ROOF_LABELS)[number], string>;
  readonly phase: RooflinePhase;
}

/**
 * Adds what rooflines and Pareto charts are drawn from: where each phase stands, the roofs above it, who is
 * best.
 */
export function addRankings(registry: MetricRegistry, rankings: () => readonly RankedResult[]): void {
  const phases =
    (of: (phase: RooflinePhase) => number, more: (phase: RooflinePhase) => Row[0] = () => ({})) =>
    () =>
      rankings().flatMap(({ record }) =>
        phasesOf({ trial: record }).map(
          (phase): Row => [{ ...resultLabels(record), phase: phase.name, ...more(phase) }, of(phase)],
        ),
      );
  const roofs = (of: (phase: RooflinePhase) => number) => () =>
    roofsOf(rankings()).map(({ labels, phase }): Row => [labels, of(phase)]);

  addSeries(registry, {
    ridgepoint_result_timestamp_seconds: () =>
      rankings().map(({ record }) => [resultLabels(record), Date.parse(record.endedAt) / 1000]),
    ridgepoint_sweep_best_info: () =>
      rankings().flatMap(({ record, bestBy }) => {
        const { experiment, sweep, node, device } = resultLabels(record);
        return bestBy.map((objective): Row => [{ sweep, objective, experiment, node, device }, 1]);
      }),
    ridgepoint_result_on_front: () =>
      rankings().flatMap(({ record, onFront }): Row[] =>
        onFront === null ? [] : [[resultLabels(record), onFront ? 1 : 0]],
      ),
    ridgepoint_phase_flops_per_second: phases(({ flopsPerSecond }) => flopsPerSecond),
    ridgepoint_phase_flops_per_byte: phases(({ intensity }) => intensity),
    ridgepoint_phase_roof_ratio: phases(
      ({ roofRatio }) => roofRatio,
      ({ bound }) => ({ bound }),
    ),
    ridgepoint_roof_flops_per_second: roofs(({ peak }) => peak?.flopsPerSecond ?? 0),
    ridgepoint_roof_bytes_per_second: roofs(({ bandwidth }) => bandwidth.bytesPerSecond),
  });
}

/** @returns every roof once, as the newest result knows it. */
function roofsOf(rankings: readonly RankedResult[]): Roof[] {
  const roofs = new Map<string, Roof>();
  for (const { record } of rankings) {
    const { roofline } = record;
    for (const phase of roofline?.phases ?? []) {
      if (roofline === null || phase.peak === null) continue;
      const labels = roofLabels(record, roofline, phase, phase.peak.arithmetic);
      roofs.set(JSON.stringify(labels), { labels, phase });
    }
  }
  return [...roofs.values()];
}

function roofLabels(
  { node, device }: ResultRecord,
  { threads, ceilings }: RooflineRecord,
  { bandwidth }: RooflinePhase,
  arithmetic: string,
): Roof['labels'] {
  return {
    node: node.name,
    device: device.id,
    level: bandwidth.level,
    arithmetic,
    threads: String(threads),
    origin: ceilings.origin,
  };
}
