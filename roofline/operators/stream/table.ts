import type { StreamCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/** Of each element 16 bits are read and 8 written. */
const ELEMENT_BYTES = 3;

/** Nobody times norms and activations; scaling to 8 bits passes its bytes through once, as these do. */
export const TABLES: readonly Table<StreamCall>[] = [
  {
    folder: 'quantize',
    file: 'scale_matrix_perf.parquet',
    columns: ['quant_dtype', 'm', 'k', 'latency'],
    measurementOf: (row) =>
      row.format('quant_dtype') === 'fp8'
        ? {
            call: { family: 'stream', bytes: row.size('m') * row.size('k') * ELEMENT_BYTES },
            seconds: row.seconds('latency'),
          }
        : null,
  },
];
