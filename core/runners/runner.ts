import type { OptionsSchema } from '../experiment/options.js';
import type { Rule } from '../experiment/rule.js';
import type { ModelFormat } from '../models/formats.js';
import type { EnginePasses, ServedPasses } from '../work/engine-passes.js';
import type { MemoryPrediction, MemoryRequest } from '../work/memory.js';
import type { Capability } from '../workloads/capability.js';

/** How the work of a trial is counted for its place under the roofs. */
export type Counting =
  /**
   * Of the shapes of the model, pass by pass; `packed` matrices are other ones than the file's, and the
   * opened model says which.
   */
  | { readonly by: 'pass'; readonly engine: EnginePasses; readonly packed: boolean }
  /** The opened trainer says what the parts of a step ask. */
  | { readonly by: 'step' }
  /** An op says it of itself. */
  | { readonly by: 'call' }
  /** Of the shapes of the model and of how full the steps of a server were, which its requests tell. */
  | { readonly by: 'served'; readonly engine: ServedPasses }
  /** There is nothing to count, for this reason. */
  | { readonly by: 'nothing'; readonly reason: string };

/**
 * Everything that the rest of Ridgepoint has to know of a runner, as data: what a sweep may ask of it at ONE
 * point, what it can do, and how its results are judged. Shared code asks a field here and never which runner
 * it is (test/architecture.test.ts). The engine itself lives in engines/runners/<kind>; nothing here opens
 * it.
 */
export interface RunnerKind {
  readonly kind: string;
  readonly summary: string;
  readonly options: OptionsSchema;
  /** Device classes it can use, without refinement: `cuda` covers `cuda:h100`. */
  readonly devices: readonly string[];
  /** What workloads and questions can have of it: engines/runners/<kind> opens each. */
  readonly offers: readonly Capability[];
  /** Of the model files it opens; none = it runs without one, and facts of models do not matter to it. */
  readonly formats: readonly ModelFormat[];
  /** Techniques whose results it can run. */
  readonly techniques: readonly string[];
  readonly rules: readonly Rule[];
  /** The field's other spellings of its options (llama-bench flags and columns) → option name. */
  readonly alsoKnownAs: Readonly<Record<string, string>>;
  /**
   * Options that change what a model answers, and not only how fast: answers are kept and found again under
   * them.
   */
  readonly answerOptions: readonly string[];
  /**
   * The runner that opens a plain model in its place: the base that it is compared with, or what it trained;
   * null = itself.
   */
  readonly plainRunner: string | null;
  /**
   * Predicts the memory of a trial before anything is opened, null for a workload of which it cannot tell;
   * null = nothing worth a prediction.
   */
  readonly memory: ((request: MemoryRequest) => MemoryPrediction | null) | null;
  readonly counting: Counting;
  /**
   * Whether efficiency factors are fitted of its kernels (`ridge factors`); of others the roofs alone
   * predict.
   */
  readonly fitted: boolean;
  /**
   * The engine that tables of operators on GPUs are of (roofline/operators) and whose kernels these are:
   * times of its rows are predicted by them where the node has no factors; null = nobody measured its
   * operators.
   */
  readonly tables: string | null;
  /**
   * Said of every record where the numbers are made up, with who makes them up: `the fake runner takes …`;
   * null = they are measured.
   */
  readonly madeUp: string | null;
}

/**
 * What a runner is where it says nothing else: measured, with no other name for anything and no prediction.
 */
export const PLAIN = {
  alsoKnownAs: {},
  answerOptions: [],
  plainRunner: null,
  memory: null,
  fitted: false,
  tables: null,
  madeUp: null,
} as const satisfies Partial<RunnerKind>;
