import type { QuantizeCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/** `m` rows of `k` inputs, with scales that are known; finding scales takes a pass of its own. */
export const TABLES: readonly Table<QuantizeCall>[] = [
  {
    folder: 'quantize',
    file: 'scale_matrix_perf.parquet',
    columns: ['quant_dtype', 'm', 'k', 'latency'],
    measurementOf: (row) => ({
      call: {
        family: 'quantize',
        format: row.format('quant_dtype'),
        rows: row.size('m'),
        inputs: row.size('k'),
      },
      seconds: row.seconds('latency'),
    }),
  },
];
