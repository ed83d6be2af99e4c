import type { StreamCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/** Of each element 16 bits are read and 8 written. */
const ELEMENT_BYTES = 3;

/**
 * Nobody times norms and activations; scaling to 8 bits passes its bytes through once, as these do. Not so
 * what was timed of SGLang: a chain of PyTorch's operators at a tenth of the bandwidth, which none of its
 * norms is.
 */
export const TABLES: readonly Table<StreamCall>[] = [
  {
    folder: 'quantize',
    file: 'scale_matrix_perf.parquet',
    columns: ['framework', 'quant_dtype', 'm', 'k', 'latency'],
    measurementOf: (row) =>
      row.format('quant_dtype') === 'fp8' && row.text('framework') !== 'SGLang'
        ? {
            call: { family: 'stream', bytes: row.size('m') * row.size('k') * ELEMENT_BYTES },
            seconds: row.seconds('latency'),
          }
        : null,
  },
];
