import type { QuantizeCall } from '../../../core/work/operator-call.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

/** Read in 16 bits, written in the format of the product. */
export const workOf = ({ format, rows, inputs }: QuantizeCall): CallWork => ({
  bytes: rows * inputs * (2 + FORMATS[format].inputBytes),
  flops: 0,
  format: null,
  linkBytes: 0,
});
