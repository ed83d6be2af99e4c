import type { HeadProductCall } from '../../../core/work/operator-call.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

export function workOf({ format, heads, rows, inputs, outputs }: HeadProductCall): CallWork {
  const { weightBytes, inputBytes } = FORMATS[format];
  return {
    bytes: heads * (inputs * outputs * weightBytes + rows * (inputs * inputBytes + outputs * 2)),
    flops: 2 * heads * rows * inputs * outputs,
    format,
    linkBytes: 0,
  };
}
