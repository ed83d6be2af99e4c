import type { ExpertsCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/**
 * Tables time tokens that choose evenly, and two power laws. Real routers are in between: the milder law
 * stands for them.
 */
const ROUTING = 'power_law_1.01';

/**
 * Experts of Nemotron 3 have no gate, two matrices in place of three, and tables do not say so: embedding and
 * width of each.
 */
const WITHOUT_GATE = ['2688 1856', '1024 2688', '2048 5120', '8192 5120'];

const isGated = (embedding: number, width: number) => !WITHOUT_GATE.includes(`${embedding} ${width}`);

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
      'latency',
    ],
    measurementOf: (row) => {
      const [embedding, width] = [row.size('hidden_size'), row.size('inter_size')];
      if (row.text('distribution') !== ROUTING || !isGated(embedding, width)) return null;
      return {
        call: {
          family: 'experts',
          format: row.format('moe_dtype'),
          tokens: row.size('num_tokens'),
          embedding,
          width,
          used: row.size('topk'),
          count: row.size('num_experts'),
          tensor: row.size('moe_tp_size'),
          expert: row.size('moe_ep_size'),
        },
        seconds: row.seconds('latency'),
      };
    },
  },
];
