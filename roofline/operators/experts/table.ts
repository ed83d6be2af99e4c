import type { ExpertsCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/**
 * Tables time tokens that choose evenly, and two power laws. Real routers are in between: the milder law
 * stands for them.
 */
const ROUTING = 'power_law_1.01';

export const TABLES: readonly Table<ExpertsCall>[] = [
  {
    folder: 'moe',
    file: 'moe_perf.parquet',
    columns: [
      'moe_dtype',
      'num_tokens',
      'hidden_size',
      'inter_size',
      'topk',
      'num_experts',
      'moe_tp_size',
      'moe_ep_size',
      'distribution',
      'kernel_source',
      'latency',
    ],
    measurementOf: (row) =>
      // Experts without a gate have two matrices in place of three.
      row.text('distribution') !== ROUTING || row.text('kernel_source').endsWith('_nongated')
        ? null
        : {
            call: {
              family: 'experts',
              format: row.format('moe_dtype'),
              tokens: row.size('num_tokens'),
              embedding: row.size('hidden_size'),
              width: row.size('inter_size'),
              used: row.size('topk'),
              count: row.size('num_experts'),
              tensor: row.size('moe_tp_size'),
              expert: row.size('moe_ep_size'),
            },
            seconds: row.seconds('latency'),
          },
  },
];
