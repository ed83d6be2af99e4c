import type { LatentCall } from '../../../core/work/operator-call.js';
import type { Measurement, Table } from '../family.js';
import type { TableRow } from '../table-row.js';

const COLUMNS = ['mla_dtype', 'kv_cache_dtype', 'num_heads', 'batch_size', 'isl', 'step', 'latency'];

/** Tables are of DeepSeek-V3 (arXiv 2412.19437, section 4.2), whose heads are cut by `num_heads`. */
function measurementOf(phase: LatentCall['phase'], way: LatentCall['way']) {
  return (row: TableRow): Measurement<LatentCall> => ({
    call: {
      family: 'latent',
      phase,
      way,
      format: row.format('mla_dtype'),
      cacheFormat: row.format('kv_cache_dtype'),
      heads: row.size('num_heads'),
      kvRank: 512,
      ropeLength: 64,
      headLength: 128,
      valueLength: 128,
      sequences: row.size('batch_size'),
      newTokens: row.size('isl'),
      cachedTokens: row.count('step'),
    },
    seconds: row.seconds('latency'),
  });
}

export const TABLES: readonly Table<LatentCall>[] = [
  {
    folder: 'mla',
    file: 'context_mla_perf.parquet',
    columns: COLUMNS,
    measurementOf: measurementOf('prefill', 'naive'),
  },
  {
    folder: 'mla',
    file: 'generation_mla_perf.parquet',
    columns: COLUMNS,
    measurementOf: measurementOf('decode', 'absorbed'),
  },
];
