/** Work is what a phase asks of a machine, whatever machine: operations, and bytes that must move. */

import type { OperatorCall } from './operator-call.js';

/**
 * Modules of "Dissecting the Runtime Performance …" (arXiv 2311.03687); a breakdown and a count group by
 * them.
 */
export const MODULES = [
  'embedding',
  'norm',
  'qkv',
  'rope',
  'attention',
  'output',
  'router',
  'mlp',
  'residual',
  'adapter',
  'lm-head',
  'collective',
  'other',
] as const;
export type Module = (typeof MODULES)[number];

/** Operators that behave alike on a machine: efficiency factors are fitted for each of these. */
export const OPERATOR_CLASSES = [
  'matmul',
  'matvec',
  'attention',
  'elementwise',
  'gather',
  'collective',
] as const;
export type OperatorClass = (typeof OPERATOR_CLASSES)[number];

/** What multiplies: which ceiling an operator is held against. */
export const ARITHMETICS = ['f64', 'f32', 'tf32', 'bf16', 'f16', 'fp8', 'int8', 'int4', 'fp4'] as const;
export type Arithmetic = (typeof ARITHMETICS)[number];

/** Bytes by what they are. */
export interface Traffic {
  readonly weightsRead: number;
  readonly cacheRead: number;
  readonly cacheWritten: number;
  readonly activationsRead: number;
  readonly activationsWritten: number;
}

/**
 * One operator in one pass, all layers that have it together; layers whose weights are of another type stand
 * apart.
 */
export interface OperatorWork {
  /** As published code calls it: `q_proj`, `attention`, `down_proj`, `lm_head`. */
  readonly name: string;
  readonly module: Module;
  readonly class: OperatorClass;
  readonly arithmetic: Arithmetic;
  /**
   * ggml's name of the type of the weights that are read (`q4_k`); left out where it is not known, or there
   * are none.
   */
  readonly weights?: string | undefined;
  /** How often it is run in the pass: the layers that have it. */
  readonly calls: number;
  /** All calls together. A multiply and an add are two. */
  readonly flops: number;
  readonly traffic: Traffic;
  /**
   * Bytes that this device sends over a link: of collectives, and of weights that are kept elsewhere. 0 for
   * all others.
   */
  readonly linkBytes: number;
  /** Pairs of query and key whose mask alone is looked at; left out where there are none. */
  readonly maskedPairs?: number;
  /**
   * Its calls as tables of measured operators are indexed; none where it runs inside the kernel of another,
   * left out where no kernels were asked about, or nobody knows how to time it.
   */
  readonly kernelCalls?: readonly KernelCall[] | undefined;
}

/** Calls that are alike. */
export interface KernelCall {
  readonly call: OperatorCall;
  readonly times: number;
  /**
   * What of a batch it follows from: its new tokens alone, how they are spread over sequences and what is
   * cached before them, or the rows that have logits.
   */
  readonly follows: 'tokens' | 'sequences' | 'sampled';
}

/**
 * Measured phases that are placed: of a model that answers, of a server under load, of a step of training, a
 * run of an encoder, and a call of one op.
 */
export const PLACED_PHASES = [
  'prefill',
  'decode',
  'serve',
  'forward',
  'backward',
  'optimizer',
  'infer',
  'call',
] as const;
export type PlacedPhase = (typeof PLACED_PHASES)[number];

/** One pass of a phase: a prefill, or one step of decoding. */
export interface PassWork {
  readonly phase: 'prefill' | 'decode';
  readonly operators: readonly OperatorWork[];
}

export const NO_TRAFFIC: Traffic = {
  weightsRead: 0,
  cacheRead: 0,
  cacheWritten: 0,
  activationsRead: 0,
  activationsWritten: 0,
};

/** @returns all bytes of a traffic. */
export function totalBytes(traffic: Traffic): number {
  const { weightsRead, cacheRead, cacheWritten, activationsRead, activationsWritten } = traffic;
  return weightsRead + cacheRead + cacheWritten + activationsRead + activationsWritten;
}

/** @returns the traffic of so many times the same. */
export function timesTraffic(traffic: Traffic, times: number): Traffic {
  return {
    weightsRead: traffic.weightsRead * times,
    cacheRead: traffic.cacheRead * times,
    cacheWritten: traffic.cacheWritten * times,
    activationsRead: traffic.activationsRead * times,
    activationsWritten: traffic.activationsWritten * times,
  };
}
