import type { HeadProductCall } from '../../../core/work/operator-call.js';
import type { Table } from '../family.js';

/** Tables are of DeepSeek-V3: queries of 128 elements go into latents of 512, values come out of them. */
const [HEAD_LENGTH, KV_RANK] = [128, 512];

export const TABLES: readonly Table<HeadProductCall>[] = [
  {
    folder: 'mla_bmm',
    file: 'mla_bmm_perf.parquet',
    columns: ['bmm_dtype', 'op_name', 'num_tokens', 'num_heads', 'latency'],
    measurementOf: (row) => {
      const isInto = row.text('op_name') === 'mla_gen_pre';
      return {
        call: {
          family: 'head-product',
          format: row.format('bmm_dtype'),
          heads: row.size('num_heads'),
          rows: row.size('num_tokens'),
          inputs: isInto ? HEAD_LENGTH : KV_RANK,
          outputs: isInto ? KV_RANK : HEAD_LENGTH,
        },
        seconds: row.seconds('latency'),
      };
    },
  },
];
