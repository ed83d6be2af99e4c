import type { CollectiveCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';
import type { TableRow } from '../table-row.js';

const OPERATIONS: Readonly<Record<string, CollectiveCall['operation']>> = {
  all_reduce: 'all-reduce',
  all_gather: 'all-gather',
  reduce_scatter: 'reduce-scatter',
  alltoall: 'all-to-all',
};

/** `message_size` counts elements: read as bytes, buses of NVLink would run at half of what NCCL reaches. */
const measurementOf = (row: TableRow, operation: CollectiveCall['operation']) => ({
  call: {
    family: 'collective' as const,
    operation,
    devices: row.size('num_gpus'),
    elements: row.size('message_size'),
  },
  seconds: row.seconds('latency'),
});

export const TABLES: readonly Table<CollectiveCall>[] = [
  {
    folder: 'comm',
    file: 'nccl_perf.parquet',
    columns: ['nccl_dtype', 'op_name', 'num_gpus', 'message_size', 'latency'],
    measurementOf: (row) => {
      const operation = OPERATIONS[row.text('op_name')];
      if (operation === undefined || row.text('nccl_dtype') !== 'half') return null;
      return measurementOf(row, operation);
    },
  },
  {
    folder: 'comm',
    file: 'custom_allreduce_perf.parquet',
    columns: ['num_gpus', 'message_size', 'latency', 'kernel_source'],
    // Without a graph what is measured is the host that launches.
    measurementOf: (row) =>
      row.text('kernel_source').endsWith('_eager') ? null : measurementOf(row, 'all-reduce'),
  },
];
