import type { PhaseName } from '../../core/result.js';
import type { MeasurePolicy, Options } from '../../core/sweep/experiment.js';
import type { LoadedModel } from '../runners/runner.js';

/** A Workload is what is asked of a runner. It lives in the child and stamps phases as it goes. */
export interface Workload {
  readonly kind: string;
  /**
   * What the context has to hold, known before the model is loaded: `contextTokens` for each of the
   * `sequences`.
   */
  demands(options: Options): { contextTokens: number; sequences: number };
  run(model: LoadedModel, options: Options, context: WorkloadContext): Promise<WorkloadOutcome>;
}

export interface WorkloadContext {
  readonly measure: MeasurePolicy;
  /** Shortest total time of a phase over all repeats that the energy source can resolve; 0 = none. */
  readonly minPhaseSeconds: number;
  readonly stamp: PhaseStamper;
  /** Monotonic seconds (CLOCK_MONOTONIC, shared by parent and child). */
  now(): number;
  /** Gives the event loop a turn so that messages leave and a stop can arrive; true = stop now. */
  breathe(): Promise<boolean>;
}

/** Times one phase. `tokens` counts what was evaluated, all sequences together. */
export type PhaseStamper = (
  name: PhaseName,
  repeat: number | null,
  start: number,
  end: number,
  tokens: number,
) => void;

export interface WorkloadOutcome {
  readonly repeats: number;
  readonly warmups: number;
  readonly warmupSettled: boolean;
  readonly stop: 'interval-narrow' | 'max-repeats' | 'time-budget';
  readonly halfWidth: number | null;
  /** Seconds of each decode step, one list per repeat. */
  readonly tokenSeconds: readonly (readonly number[])[];
}
