import type { ElementwiseKind } from '../../core/result/factors.js';
import { bytesPerElement, isQuantized } from '../../core/techniques/tensor-types.js';
import { llamaCppSetting } from '../../core/work/llama-cpp.js';
import { PASS_DEFAULTS } from '../../core/work/llama-cpp-options.js';
import type { PhaseWork } from '../../core/work/phase-work.js';
import type { OperatorWork, PassWork } from '../../core/work/work.js';

/** The group of factors that a bench of one operator determines. */
export type SampleGroup =
  /** A node that has next to nothing to do. */
  | { readonly kind: 'node' }
  | { readonly kind: 'product'; readonly weights: string }
  | { readonly kind: 'attention' }
  | { readonly kind: 'elementwise'; readonly of: ElementwiseKind };

/** One operator, timed alone, many times in a row. */
export interface OperatorSample {
  readonly threads: number;
  readonly group: SampleGroup;
  /** Of one call. */
  readonly work: OperatorWork;
  readonly tokens: number;
  readonly queries: number;
  /** Bytes that a round of calls reads. */
  readonly workingSet: number;
  /** Seconds of one call: the lower quartile over the rounds. */
  readonly seconds: number;
}

/** The engine's time around a graph, from a run of a model. */
export interface PassSample {
  readonly threads: number;
  readonly seconds: number;
}

/**
 * A step of a model as it runs. Its nodes wait for each other, which does not happen in a bench of one kind
 * of node.
 */
export interface StepSample extends Omit<OperatorSample, 'group' | 'work'> {
  readonly work: Pick<PassWork, 'operators'>;
}

/** A phase of a model that is not used for fitting. */
export interface CheckSample {
  /** The model, because a model that is predicted too fast in one phase is so in all of them. */
  readonly model: string;
  readonly threads: number;
  readonly work: PhaseWork;
  /** Of the whole phase. */
  readonly seconds: number;
}

export interface FactorSamples {
  readonly operators: readonly OperatorSample[];
  readonly passes: readonly PassSample[];
  readonly steps: readonly StepSample[];
  readonly checks: readonly CheckSample[];
  readonly engine: string;
  /** As records have it under `engineBuild`. */
  readonly engineBuild: string;
  /** Benches that there was no time for. */
  readonly leftOut: number;
  /** What else used the machine during the benches; null if nothing did. */
  readonly disturbed: string | null;
}

/** @returns the work of y = W x with this many rows, as a pass counts it. */
export function productWork(
  weights: string,
  inputs: number,
  outputs: number,
  rows: number,
): OperatorSample['work'] {
  const { matrix, quantizedMatrix } = llamaCppSetting(PASS_DEFAULTS).arithmetic;
  return {
    name: 'product',
    module: 'mlp',
    class: rows < 4 ? 'matvec' : 'matmul',
    arithmetic: isQuantized(weights) ? quantizedMatrix : matrix,
    weights,
    calls: 1,
    flops: 2 * inputs * outputs * rows,
    traffic: {
      weightsRead: inputs * outputs * bytesPerElement(weights),
      cacheRead: 0,
      cacheWritten: 0,
      activationsRead: 4 * rows * inputs,
      activationsWritten: 4 * rows * outputs,
    },
    linkBytes: 0,
  };
}
