import type { Experiment, MeasurePolicy } from '../../core/experiment/experiment.js';
import type { PointName } from '../../core/sweep/labels.js';
import type { Objective, PlacementSpec, SearchBound, StartsPolicy } from '../../core/sweep/spec.js';
import type { Searcher } from '../../search/searcher.js';

/**
 * What the scheduler needs of a sweep: how many points it has, their random order, and each point on demand.
 * Nothing is listed ahead, so a sweep of a billion points costs nothing until points are drawn.
 */
export interface SweepView {
  readonly sweepId: string;
  /** Equal for two sweeps that ask for the same points, perhaps measured otherwise. */
  readonly pointsId: string;
  readonly name: string;
  /** Whose sweep it is. */
  readonly namespace: string;
  /** Points that can run. */
  readonly count: number;
  /** Points left out because they cannot run anywhere. */
  readonly impossible: number;
  readonly placement: PlacementSpec;
  readonly startsPolicy: StartsPolicy;
  readonly measure: Pick<MeasurePolicy, 'confidence' | 'halfWidth' | 'gates'>;
  /** Whether it asks its models for answers. */
  readonly asksQuality: boolean;
  readonly objectives: readonly Objective[];
  /** That its search keeps to. */
  readonly bounds: readonly SearchBound[];
  /** Keys of its file that ask for energy. */
  readonly energyKeys: readonly string[];
  /** Begins a search of its points, one for each queue; null = every point is measured. */
  readonly newSearch: (() => Searcher) | null;
  /** What it calls some of its points. */
  readonly names: readonly PointName[];
  /** The sweep's random order: 0 … count-1 → each position exactly once. */
  positionAt(index: number): number;
  /** The point, fully resolved; with `node`, where the node is an axis (placement.perNode). */
  experimentAt(position: number, node: string | null): Experiment;
  /** The id that the content gives, whatever id it carries; null when its model is none of the sweep's. */
  identify(experiment: Experiment): string | null;
  /** Why the point can never run, where planning could not tell (Space.unchecked); null = it can. */
  impossibility(experiment: Experiment): string | null;
  /** Predicted memory in bytes on the device; null when too little is known of the model. */
  memoryBytes(experiment: Experiment): number | null;
  /** Devices that a point takes at once. */
  devicesAt(position: number): number;
  /** `small q8_0 flashAttention=true parallel=4`, or the name of the point */
  label(experiment: Experiment): string;
}
