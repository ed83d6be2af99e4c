import type { LatentLayerCall, TokenIndex } from '../../../core/work/operator-call.js';
import type { Measurement, Table } from '../family.js';
import type { TableRow } from '../table-row.js';

type Sizes = Pick<
  LatentLayerCall,
  'embedding' | 'queryRank' | 'kvRank' | 'ropeLength' | 'headLength' | 'valueLength'
> & { readonly index: Omit<TokenIndex, 'computed'> | null };

const DEEPSEEK = {
  embedding: 7168,
  queryRank: 1536,
  kvRank: 512,
  ropeLength: 64,
  headLength: 128,
  valueLength: 128,
};

/** Sizes of the models that layers were timed of, from their configs. */
const SIZES: Readonly<Record<string, Sizes>> = {
  DeepseekV3ForCausalLM: { ...DEEPSEEK, index: null },
  DeepseekV32ForCausalLM: { ...DEEPSEEK, index: { heads: 64, headLength: 128, chosen: 2048 } },
  GlmMoeDsaForCausalLM: {
    embedding: 6144,
    queryRank: 2048,
    kvRank: 512,
    ropeLength: 64,
    headLength: 192,
    valueLength: 256,
    index: { heads: 32, headLength: 128, chosen: 2048 },
  },
};

const COLUMNS = [
  'op_name',
  'architecture',
  'gemm_type',
  'kv_cache_dtype',
  'num_heads',
  'batch_size',
  'isl',
  'step',
  'latency',
];

/** `num_heads` are those of this device. */
function measurementOf(phase: LatentLayerCall['phase']) {
  return (row: TableRow): Measurement<LatentLayerCall> | null => {
    const sizes = SIZES[row.text('architecture')];
    if (sizes === undefined) return null;
    const computed = !row.text('op_name').endsWith('_skip_indexer');
    return {
      call: {
        family: 'latent-layer',
        phase,
        ...sizes,
        index: sizes.index === null ? null : { ...sizes.index, computed },
        format: row.format('gemm_type'),
        cacheFormat: row.format('kv_cache_dtype'),
        heads: row.size('num_heads'),
        sequences: row.size('batch_size'),
        newTokens: row.size('isl'),
        cachedTokens: row.count('step'),
      },
      seconds: row.seconds('latency'),
    };
  };
}

const layerTables = (folder: string, name: string): Table<LatentLayerCall>[] => [
  {
    folder,
    file: `${name}_context_module_perf.parquet`,
    columns: COLUMNS,
    measurementOf: measurementOf('prefill'),
  },
  {
    folder,
    file: `${name}_generation_module_perf.parquet`,
    columns: COLUMNS,
    measurementOf: measurementOf('decode'),
  },
];

export const TABLES: readonly Table<LatentLayerCall>[] = [
  ...layerTables('mla', 'mla'),
  ...layerTables('sparse_attention', 'dsa'),
];
