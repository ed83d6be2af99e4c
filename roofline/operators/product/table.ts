import type { ProductCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/** `m` rows meet a matrix of `n` outputs and `k` inputs. */
export const TABLES: readonly Table<ProductCall>[] = [
  {
    folder: 'gemm',
    file: 'gemm_perf.parquet',
    columns: ['gemm_dtype', 'm', 'n', 'k', 'latency'],
    measurementOf: (row) => ({
      call: {
        family: 'product',
        format: row.format('gemm_dtype'),
        rows: row.size('m'),
        outputs: row.size('n'),
        inputs: row.size('k'),
      },
      seconds: row.seconds('latency'),
    }),
  },
];
