import type { AxisValue, MeasurePolicy, ModelRef, QualityPolicy } from '../experiment/experiment.js';
import type { NodeSelector } from '../experiment/node-selector.js';
import type { SearchStrategy } from './strategies.js';

/** The version every sweep file names. */
export const API_VERSION = 'ridgepoint.dev/v1';

/** One axis: a name the user can write in `zip`, `include` and `exclude`, and its values in file order. */
export interface Axis {
  readonly name: string;
  readonly values: readonly AxisValue[];
}

/** A runner or workload block of the file: its kind and one axis per field (most have a single value). */
export interface Block {
  readonly kind: string;
  readonly axes: readonly Axis[];
}

/** Points that match every named axis are left out, or (include) added as a grid of their own. */
export type Selector = Readonly<Record<string, readonly AxisValue[]>>;

/** An entry of `include`: a grid of its own, which may have a name. */
export interface Included {
  readonly name: string | null;
  readonly at: Selector;
}

/** An entry of `points`: every axis has one value, what the entry left out the first of the axis. */
export interface NamedPoint {
  readonly name: string;
  readonly at: Selector;
}

export type Better = 'max' | 'min';

export interface Objective {
  /** A name of the metrics catalogue. */
  readonly metric: string;
  readonly better: Better;
}

/**
 * How many processes measure each experiment, written under `measure`. No part of an experiment or its id:
 * what a row says does not depend on how often it was asked.
 */
export interface StartsPolicy {
  /** Valid trials of each experiment, each a process of its own in a block of its own. */
  readonly starts: number;
  /**
   * At least `starts`. More are spent up to here as long as the interval over starts is wider than
   * `measure.halfWidth`.
   */
  readonly maxStarts: number;
  /** Further trials that an experiment gets for those that came out invalid; 0 = none. */
  readonly retryInvalid: number;
}

/** What a sweep means that does not say it. */
export const USUAL_STARTS_POLICY: StartsPolicy = { starts: 3, maxStarts: 3, retryInvalid: 2 };

export interface PlacementSpec {
  /** Device classes asked for; an axis named `device`. */
  readonly devices: readonly string[];
  /** Measure every point on every node that has the device. */
  readonly perNode: boolean;
  /** Which nodes may run it. */
  readonly nodeSelector: NodeSelector;
  /** Experiments allocated to a node at a time, shuffled, between two runs of the drift control. */
  readonly blockSize: number;
  readonly driftControl: boolean;
  /** How often a failed trial is tried again before its experiment is given up. */
  readonly retries: number;
  /** Seed of the random order; part of the sweep so that a resumed sweep keeps its order. */
  readonly seed: number;
}

/** A metric whose bound the search keeps to. */
export interface SearchBound {
  /** A name of the metrics catalogue. */
  readonly metric: string;
  /** In the metric's unit; null = no bound on that side. */
  readonly atMost: number | null;
  readonly atLeast: number | null;
}

/** How some of a sweep's points are chosen, where not all are measured. */
export interface SearchSpec {
  readonly strategy: SearchStrategy;
  /** Of its draws. */
  readonly seed: number;
  /** What may be spent; null = without a bound of its kind. */
  readonly budget: {
    readonly trials: number | null;
    readonly deviceHours: number | null;
    readonly joules: number | null;
  };
  /**
   * It ends when an hour of one device adds less than this share to the volume under its front; null = it
   * does not.
   */
  readonly leastGainPerDeviceHour: number | null;
  readonly constraints: readonly SearchBound[];
  /** Whether points are ordered by what is predicted of them. */
  readonly predict: boolean;
  /** `probe`: a point is looked at briefly first, and only the better ones are measured in full. */
  readonly fidelity: 'full' | 'probe';
}

/** A sweep file after the door: every value checked, every default filled in. */
export interface Sweep {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'Sweep';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly models: readonly ModelRef[];
  /**
   * Axes of the techniques: `quantization`, `sparsity`, `attention`, `adapter`; values are canonical words.
   */
  readonly techniques: readonly Axis[];
  readonly runners: readonly Block[];
  readonly workloads: readonly Block[];
  readonly measure: MeasurePolicy;
  readonly startsPolicy: StartsPolicy;
  readonly quality: QualityPolicy | null;
  /** Groups of axis names that walk together, as in CI matrices. */
  readonly zip: readonly (readonly string[])[];
  readonly include: readonly Included[];
  /** Beside the product of the axes; where no axis has a second value, all there is. */
  readonly points: readonly NamedPoint[];
  readonly exclude: readonly Selector[];
  /** Axes of how the device is set: `powerCapWatts`, `lockedClockHertz`. */
  readonly settings: readonly Axis[];
  readonly placement: PlacementSpec;
  readonly objectives: readonly Objective[];
  /** null = every point is measured. */
  readonly search: SearchSpec | null;
}
