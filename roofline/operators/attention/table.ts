import type { AttentionCall } from '../../../core/work/operator-call.js';
import type { Measurement, Table } from '../family.js';
import type { TableRow } from '../table-row.js';

const COLUMNS = [
  'batch_size',
  'isl',
  'step',
  'num_heads',
  'num_key_value_heads',
  'head_dim',
  'attn_dtype',
  'kv_cache_dtype',
  'latency',
];

/** Of each sequence `step` tokens lie in the cache before the `isl` that are computed. */
function measurementOf(phase: AttentionCall['phase']) {
  return (row: TableRow): Measurement<AttentionCall> => {
    const heads = row.size('num_heads');
    return {
      call: {
        family: 'attention',
        phase,
        format: row.format('attn_dtype'),
        cacheFormat: row.format('kv_cache_dtype'),
        heads,
        // 0 where every head has keys of its own.
        kvHeads: row.count('num_key_value_heads') || heads,
        headLength: row.size('head_dim'),
        // 0 and empty where there is none; tables before windows have no such column.
        window: row.count('window_size') || null,
        sequences: row.size('batch_size'),
        newTokens: row.size('isl'),
        cachedTokens: row.count('step'),
      },
      seconds: row.seconds('latency'),
    };
  };
}

export const TABLES: readonly Table<AttentionCall>[] = [
  {
    folder: 'attention',
    file: 'context_attention_perf.parquet',
    columns: COLUMNS,
    measurementOf: measurementOf('prefill'),
  },
  {
    folder: 'attention',
    file: 'generation_attention_perf.parquet',
    columns: COLUMNS,
    measurementOf: measurementOf('decode'),
  },
];
