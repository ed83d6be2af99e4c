import { CONSTANTS } from './llama.js';

/**
 * Names of numbers as ggml.h has them, without what they begin with. Kinds of pooling are an enumeration of
 * their own.
 */
const namesOf = (prefix: string) =>
  new Map(
    Object.entries(CONSTANTS).flatMap(([name, value]) =>
      name.startsWith(prefix) && !/_POOL_(MAX|AVG|COUNT)$/.test(name)
        ? [[Number(value), name.slice(prefix.length)] as const]
        : [],
    ),
  );
const OPERATIONS = namesOf('GGML_OP_');
const TYPES = namesOf('GGML_TYPE_');

/** @returns ggml's name of an operation: `MUL_MAT`. */
export const operationName = (operation: number) => OPERATIONS.get(operation) ?? 'UNKNOWN';

/** @returns ggml's name of a type, in lower case: `q4_k`. */
export const typeName = (type: number) => (TYPES.get(type) ?? 'unknown').toLowerCase();

/** Operations that only say where bytes are: the engine computes nothing for them. */
export const WITHOUT_WORK: readonly number[] = [
  CONSTANTS.GGML_OP_NONE,
  CONSTANTS.GGML_OP_RESHAPE,
  CONSTANTS.GGML_OP_VIEW,
  CONSTANTS.GGML_OP_PERMUTE,
  CONSTANTS.GGML_OP_TRANSPOSE,
];
