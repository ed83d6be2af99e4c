/** What the numbers of an op that are worth naming are stored as: weights, keys and values. */
export const OP_TYPES = ['f32', 'f16', 'bf16', 'int8', 'int4'] as const;
export type OpType = (typeof OP_TYPES)[number];

/** A number of an op's shape. */
export interface OpParameter {
  readonly name: string;
  readonly help: string;
  readonly fallback: number;
  readonly least: number;
  readonly most: number;
}

/** What a number of a shape has to be beside others, or beside a constant. */
export interface OpConstraint {
  readonly parameter: string;
  readonly relation: 'multiple-of' | 'at-most';
  /** Another parameter, or a number. */
  readonly bound: string | number;
  /** All of it, with why. */
  readonly sentence: string;
}

export interface OpVariant {
  readonly name: string;
  readonly help: string;
  readonly types: readonly OpType[];
  /** Processors of any kind, of one architecture, or NVIDIA GPUs. */
  readonly platform: 'any' | 'x64' | 'arm64' | 'cuda';
  /** The least that it needs there: `scalar`, `avx512`, `sm_80`. */
  readonly level: string;
  /** What multiplies: lanes, or a unit for tiles of matrices (tensor cores). */
  readonly unit: 'vector' | 'matrix';
  /**
   * Allowed error for each unit of the sum of magnitudes that a number was added up from, for each of its
   * types.
   */
  readonly tolerance: Readonly<Partial<Record<OpType, number>>>;
}

/**
 * An op of kernels/ops, as a sweep may name it: without any library, so that a sweep is checked everywhere.
 */
export interface OpFacts {
  readonly name: string;
  readonly family: 'dense-matrix' | 'sparse-matrix' | 'attention' | 'layer' | 'rowwise';
  readonly help: string;
  readonly parameters: readonly OpParameter[];
  readonly constraints: readonly OpConstraint[];
  readonly types: readonly OpType[];
  /** From the plainest to the one that asks most of a machine. */
  readonly variants: readonly OpVariant[];
}

/** @returns a shape with the parameters that are not given at their fallbacks, in the op's order. */
export function shapeOf({ parameters }: OpFacts, given: Readonly<Record<string, number>>): number[] {
  return parameters.map(({ name, fallback }) => given[name] ?? fallback);
}

/** @param sizeOf the number of a parameter. @returns whether a shape fulfils a constraint. */
export function fulfils(
  sizeOf: (parameter: string) => number,
  { parameter, relation, bound }: OpConstraint,
): boolean {
  const most = typeof bound === 'number' ? bound : sizeOf(bound);
  return relation === 'at-most' ? sizeOf(parameter) <= most : sizeOf(parameter) % most === 0;
}

/** @returns the class of devices whose memory and clock a variant uses. */
export function deviceOf({ platform }: Pick<OpVariant, 'platform'>): 'cpu' | 'cuda' {
  return platform === 'cuda' ? 'cuda' : 'cpu';
}
