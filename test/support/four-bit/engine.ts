import type { FourBitEngine, FourBitMatrix } from '../../../core/techniques/four-bit/engine.js';
import { type FourBitName, fourBitFormat, tensorScaleOf } from '../../../core/techniques/four-bit/formats.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import { chooseScale, codeValue, hasIntegers, nearestCode, stepOf } from './block.js';

/** One thread, no native code: what the native kernels are held against. */
export const FOUR_BIT_REFERENCE: FourBitEngine = {
  round(weights, format, search) {
    const matrix = emptyMatrix(weights, format, search);
    const { blockWeights } = fourBitFormat(format);
    for (let block = 0; block < matrix.scales.length; block++) {
      const at = block * blockWeights;
      const values = weights.values.subarray(at, at + blockWeights);
      const scale = chooseScale(format, values, matrix.tensorScale, search);
      matrix.scales[block] = scale;
      values.forEach((value, i) => {
        const step = stepOf(format, scale, matrix.tensorScale);
        matrix.codes[at + i] = nearestCode(value, step, hasIntegers(format, scale));
      });
    }
    return matrix;
  },
  /** Without blocks of columns: each column updates all that are right of it at once. */
  gptq(weights, { values: factor, dead }, format) {
    const matrix = emptyMatrix(weights, format, true);
    const { rows, columns } = weights;
    const { blockWeights } = fourBitFormat(format);
    for (let row = 0; row < rows; row++) {
      const current = Float64Array.from(weights.values.subarray(row * columns, (row + 1) * columns));
      for (let j = 0; j < columns; j++) if (dead[j] === 1) current[j] = 0;
      let scale = 0;
      for (let j = 0; j < columns; j++) {
        if (j % blockWeights === 0) {
          scale = chooseScale(format, current.subarray(j, j + blockWeights), matrix.tensorScale, true);
          matrix.scales[(row * columns + j) / blockWeights] = scale;
        }
        const [step, integers] = [stepOf(format, scale, matrix.tensorScale), hasIntegers(format, scale)];
        const code = nearestCode(current[j]!, step, integers);
        matrix.codes[row * columns + j] = code;
        const error = (current[j]! - step * codeValue(code, integers)) / factor[j * columns + j]!;
        for (let k = j + 1; k < columns; k++) current[k]! -= error * factor[j * columns + k]!;
      }
    }
    return matrix;
  },
  valuesOf({ format, codes, scales, tensorScale }) {
    const { blockWeights } = fourBitFormat(format);
    return Float32Array.from(codes, (code, at) => {
      const scale = scales[Math.floor(at / blockWeights)]!;
      return stepOf(format, scale, tensorScale) * codeValue(code, hasIntegers(format, scale));
    });
  },
};

function emptyMatrix({ rows, columns, values }: Matrix, format: FourBitName, search: boolean): FourBitMatrix {
  return {
    format,
    rows,
    columns,
    codes: new Uint8Array(rows * columns),
    scales: new Uint8Array((rows * columns) / fourBitFormat(format).blockWeights),
    tensorScale: tensorScaleOf(fourBitFormat(format), values, search),
  };
}
