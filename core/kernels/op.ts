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

export interface OpVariant {
  readonly name: string;
  readonly help: string;
  readonly types: readonly OpType[];
  /** Whose memory and clock it uses; absent = the CPU's. */
  readonly device?: 'cuda';
}

/** An op of kernels/ops, as a sweep may name it: without any library, so that a sweep is checked everywhere. */
export interface OpFacts {
  readonly name: string;
  readonly help: string;
  readonly parameters: readonly OpParameter[];
  readonly types: readonly OpType[];
  /** From the plainest to the one that asks most of a processor. */
  readonly variants: readonly OpVariant[];
}

/** What matrices of ops have. */
export const ROWS: OpParameter = {
  name: 'rows',
  help: 'rows of the matrix: outputs',
  fallback: 4096,
  least: 1,
  most: 2 ** 20,
};
export const COLUMNS: OpParameter = {
  name: 'columns',
  help: 'columns of the matrix: inputs',
  fallback: 4096,
  least: 1,
  most: 2 ** 16,
};

/** @returns a shape with the parameters that are not given at their fallbacks, in the op's order. */
export function shapeOf({ parameters }: OpFacts, given: Readonly<Record<string, number>>): number[] {
  return parameters.map(({ name, fallback }) => given[name] ?? fallback);
}
