import type { Experiment } from '../experiment/experiment.js';
import type { KernelRecord } from '../kernels/record.js';
import type { MetricName } from '../metrics/catalogue.js';
import { measuredSpan, type Repeat, repeatsOf } from '../metrics/derive.js';
import type { Window } from '../metrics/integrate.js';
import { type CleanSeries, cleanSeries } from '../metrics/series.js';
import type { QualityRecord } from '../quality/record.js';
import type { ProfileRecord } from '../result/profile-record.js';
import type { Phase, ResultRecord, SampleSeries } from '../result/result.js';
import type { RooflineGiven, RooflineRecord } from '../result/roofline-record.js';
import type { RecordRoofs } from '../result/roofs-record.js';
import type { Warning } from '../result/warnings.js';
import type { StopReason } from '../statistics/stopping.js';
import type { TrainingRecord } from '../training/record.js';
import type { Entry } from './entries.js';

/** What the workload says of its own repeating (agent's WorkloadOutcome without the token times). */
export interface Outcome {
  readonly repeats: number;
  readonly warmups: number;
  readonly warmupSettled: boolean;
  readonly stop: StopReason;
  readonly halfWidth: number | null;
}

type Given = NonNullable<ResultRecord['given']>;
export type IdleReading = NonNullable<Given['idle']>;
export type GridIntensity = NonNullable<Given['grid']>;

/** Everything a verdict rests on. Nothing else may be looked at, so that it can be reached again later. */
export interface JudgeInput {
  readonly experiment: Experiment;
  readonly phases: readonly Phase[];
  /** Seconds of each decode step, one list per repeat. */
  readonly tokenSeconds: readonly (readonly number[])[];
  /** null when the trial did not complete: then no number is published. */
  readonly outcome: Outcome | null;
  /** Read from the engine; null = it does not say. */
  readonly facts: {
    readonly modelBytes: number | null;
    readonly parameters: number | null;
    readonly kvCacheBytes: number | null;
    readonly adapterLoadSeconds: number | null;
  };
  /** Weight bytes of the base file; null when it is not known. */
  readonly baseBytes: number | null;
  /** What making the file that was run took and did; null when nothing was made. */
  readonly making: {
    /** null when an earlier trial made it. */
    readonly seconds: number | null;
    /** Share of zeros in the pruned matrices; null when nothing was pruned. */
    readonly sparsity: number | null;
  } | null;
  /** Of the adapters that ran beside the weights; null when none did. */
  readonly adapterBytes: number | null;
  /** null when the workload does not train. */
  readonly training: TrainingRecord | null;
  /** null when the workload runs a model. */
  readonly kernel: KernelRecord | null;
  /** null when it was not asked for or could not be measured; `absent.quality` then says why. */
  readonly quality: QualityRecord | null;
  /** Per-operator times; null unless they were asked for and could be had. */
  readonly profile: ProfileRecord | null;
  /** Measured ceilings of the device; null without. */
  readonly roofs: RecordRoofs | null;
  /** What work is counted and predicted from; null where it is not known (`absent.roofline`). */
  readonly roofline: RooflineGiven | null;
  readonly device: { readonly name: string };
  /** Logical CPUs the trial's process could use. */
  readonly cores: number;
  readonly samples: readonly SampleSeries[];
  /** Power before the model was loaded, per energy domain (`gpu`, `package-0`). */
  readonly idleWatts: Readonly<Record<string, number>>;
  /** When that was read; null = right before the trial. */
  readonly idle: IdleReading | null;
  /** What a kilowatt hour costs in grams of CO2 equivalent; null where nobody states it. */
  readonly grid: GridIntensity | null;
  /** Why a source is absent; `energy` is read here. */
  readonly absent: Readonly<Record<string, string>>;
  /** Doubts raised by others (affinity, engine, foreign processes on the device); kept as they are. */
  readonly warnings: readonly Warning[];
}

export interface Judgement {
  /** One entry for every metric of the catalogue: a number, or null with a reason. */
  readonly measurements: ResultRecord['measurements'];
  readonly warnings: Warning[];
  readonly valid: boolean;
  /** Where it stands under the ceilings of its machine; null where that is not known, as `measurements` say. */
  readonly roofline: RooflineRecord | null;
}

/** The input, prepared once: clean series by quantity, repeats, and the measured span. */
export interface Evidence {
  readonly input: JudgeInput;
  readonly outcome: Outcome;
  readonly repeats: readonly Repeat[];
  readonly span: Window | null;
  readonly all: readonly CleanSeries[];
  readonly series: ReadonlyMap<string, CleanSeries>;
}

/** What one part of the judge found. */
export interface Findings {
  readonly entries: Partial<Record<MetricName, Entry>>;
  readonly warnings: readonly Warning[];
  /** Gaps in readings that a published number rests on: quantity → longest, in seconds. */
  readonly gaps?: ReadonlyMap<string, number>;
}

export function gather(input: JudgeInput, outcome: Outcome): Evidence {
  const all = input.samples.map(cleanSeries).filter((s) => s.seconds.length > 0);
  return {
    input,
    outcome,
    repeats: repeatsOf(input.phases),
    span: measuredSpan(input.phases),
    all,
    series: new Map(all.map((s) => [s.quantity, s])),
  };
}

/**
 * Places a row under the roofs of its device. The judge is given one (roofline/judge.ts), so that the domain does not depend on
 * the analytic model.
 * @returns the block of a record, or why there is none.
 */
export type Placement = (evidence: Evidence) => RooflineRecord | string;
