import { failed } from '../../core/errors.js';
import type { FourBitEngine, FourBitMatrix } from '../../core/techniques/four-bit/engine.js';
import { type FourBitName, fourBitFormat, tensorScaleOf } from '../../core/techniques/four-bit/formats.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { KERNEL_CONSTANTS } from './gen/kernels.js';
import { openKernelLibrary } from './kernel-library.js';

/**
 * Opens the four-bit part of our own native library, in a child process.
 * @param threads how many threads each call may use.
 * @throws FailureError `engine-missing` when the library cannot be opened, `engine-mismatch` when it is
 *   another release's.
 */
export async function openFourBitKernels(library: string, threads: number): Promise<FourBitEngine> {
  const { functions: native } = await openKernelLibrary(library, 'fourbit');
  return {
    round(weights, format, search) {
      const matrix = emptyMatrix(weights, format, search);
      const { rows, columns, values } = weights;
      const into = [matrix.codes, matrix.scales] as const;
      const how = [format, matrix.tensorScale, search ? 1 : 0, threads] as const;
      requireSuccess(native.ridge_four_bit_round(values, rows, columns, ...how, ...into), format);
      return matrix;
    },
    gptq(weights, { values: factor, dead }, format, blockColumns) {
      const matrix = emptyMatrix(weights, format, true);
      const { rows, columns } = weights;
      const of = [weights.values.slice(), rows, columns, factor, dead] as const;
      const how = [format, matrix.tensorScale, blockColumns, threads] as const;
      requireSuccess(native.ridge_four_bit_gptq(...of, ...how, matrix.codes, matrix.scales), format);
      return matrix;
    },
    valuesOf({ format, rows, columns, codes, scales, tensorScale }) {
      const values = new Float32Array(rows * columns);
      const of = [codes, scales, rows, columns, format, tensorScale] as const;
      requireSuccess(native.ridge_four_bit_values(...of, threads, values), format);
      return values;
    },
  };
}

/** @returns a matrix whose codes and scales are yet to be written. */
function emptyMatrix({ rows, columns, values }: Matrix, format: FourBitName, search: boolean): FourBitMatrix {
  const { blockWeights } = fourBitFormat(format);
  return {
    format,
    rows,
    columns,
    codes: new Uint8Array(rows * columns),
    scales: new Uint8Array((rows * columns) / blockWeights),
    tensorScale: tensorScaleOf(fourBitFormat(format), values, search),
  };
}

/** @throws FailureError `out-of-memory`; Error for a format that the library does not have. */
function requireSuccess(code: number, format: FourBitName): void {
  if (code === 0) return;
  if (code === KERNEL_CONSTANTS.RIDGE_FOUR_BIT_UNKNOWN_FORMAT)
    throw new Error(`the native library has no format ${format}`);
  throw failed('out-of-memory', 'quantizing to four bits ran out of memory', 'use fewer threads');
}
