import { CELLS } from '../../../core/work/engine-passes.js';
import { CONSTANTS, type Pointer } from '../../native/llama.js';
import type { Architecture } from '../ggml/architecture.js';
import type { Engine } from '../ggml/engine.js';

/**
 * Keys and values of all layers, f16: [heads · length, capacity · sequences], sequences one behind the other.
 */
export interface Cache {
  readonly keys: readonly Pointer[];
  readonly values: readonly Pointer[];
  /** Tokens that each sequence has room for. */
  readonly capacity: number;
  readonly sequences: number;
  readonly bytes: number;
}

/** @returns bytes of one token of one sequence in all layers. */
export function cacheBytesPerToken({ layers, groups, headLength }: Architecture): number {
  return layers * 2 * groups * headLength * 2;
}

/** @throws FailureError `does-not-fit`. */
export function openCache(
  engine: Engine,
  architecture: Architecture,
  contextTokens: number,
  sequences: number,
): Cache {
  const { layers, groups, headLength } = architecture;
  const capacity = Math.ceil(contextTokens / CELLS) * CELLS;
  const context = engine.context(2 * layers);
  const { ggml_new_tensor_2d } = engine.functions;
  const room = () =>
    ggml_new_tensor_2d(context, CONSTANTS.GGML_TYPE_F16, groups * headLength, capacity * sequences);
  const keys = Array.from({ length: layers }, room);
  const values = Array.from({ length: layers }, room);
  // Zeroed: cells that no token has yet are multiplied with weights of 0, and must not be NaN.
  const bytes = engine.allocate(context, `a cache of ${sequences} × ${capacity} tokens`);
  return { keys, values, capacity, sequences, bytes };
}
