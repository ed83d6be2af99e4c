import type { MeasurePolicy, RunnerChoice, WorkloadChoice } from '../../core/experiment/experiment.js';
import { leasedDevices } from '../../core/experiment/lease.js';
import type { Phase } from '../../core/result/result.js';
import type { Warning } from '../../core/result/warnings.js';
import type { CoresFound } from '../../engines/native/cores.js';
import type { AnyFacts } from '../../engines/runners/opened.js';
import type { PlaceRequest, RunnableAdapter } from '../../engines/runners/runner.js';
import type { ServedEndpoint } from '../../engines/servers/served.js';
import type { Job } from '../../process/isolation/job.js';
import type {
  GenerationFiles,
  GraphInput,
  TrainingFiles,
  TrainingProgress,
  WorkloadOutcome,
} from '../workloads/workload.js';

export interface TrialRequest extends Omit<PlaceRequest, 'options'> {
  readonly runner: RunnerChoice;
  readonly workload: WorkloadChoice;
  readonly measure: MeasurePolicy;
  readonly modelPath: string | null;
  readonly adapters: readonly RunnableAdapter[];
  readonly minPhaseSeconds: number;
  /** null for workloads that do not train. */
  readonly training: TrainingFiles | null;
  /** The server to ask; left out for runners that are none. */
  readonly served?: ServedEndpoint;
  /**
   * Core-to-core latency that is usual from each of the CPUs to the next, seconds, as far as it is known;
   * left out = nothing is asked of the cores.
   */
  readonly usualLatencies?: readonly (number | null)[];
  /** Real path of the prompts that a workload names; left out = none. */
  readonly promptsPath?: string;
  /** Of workloads that continue a text. */
  readonly generation?: GenerationFiles;
  /** Of the workload graph alone. */
  readonly graph?: GraphInput;
}

/** What the child of a trial tells on the way. Times are monotonic seconds. */
export type TrialReport =
  /**
   * `processes` are those of what was opened (Closable); where there are some, the child rests until their
   * meters know.
   */
  | { readonly type: 'loaded'; readonly facts: AnyFacts; readonly processes: readonly number[] }
  | { readonly type: 'phase'; readonly phase: Phase }
  /** Of the cores under the trial's CPUs at a moment, in the order of these CPUs. */
  | ({ readonly type: 'cores'; readonly seconds: number } & CoresFound)
  | { readonly type: 'warning'; readonly warning: Warning }
  | { readonly type: 'training'; readonly progress: TrainingProgress };

/** Loads a model and runs a workload on it: what is measured. */
export const TRIAL: Job<TrialRequest, WorkloadOutcome, TrialReport> = {
  name: 'trial',
  what: 'the trial',
  run: async (request, channel) => (await import('./run.js')).runTrial(request, channel),
  deviceOf: (request) => leasedDevices(request).join(','),
};
