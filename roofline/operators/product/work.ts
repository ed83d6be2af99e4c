import type { ProductCall } from '../../../core/work/operator-call.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

/** What is multiplied is read once, and outputs are written in 16 bits. */
export function workOf({ format, rows, inputs, outputs }: ProductCall): CallWork {
  const { weightBytes, inputBytes } = FORMATS[format];
  return {
    bytes: inputs * outputs * weightBytes + rows * inputs * inputBytes + rows * outputs * 2,
    flops: 2 * rows * inputs * outputs,
    format,
    linkBytes: 0,
  };
}
