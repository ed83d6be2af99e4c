import type { LinearAttentionCall, LinearRule } from '../../../core/work/operator-call.js';
import type { Measurement, Table } from '../family.js';
import type { TableRow } from '../table-row.js';

const PHASES: Readonly<Record<string, LinearAttentionCall['phase']>> = {
  context: 'prefill',
  generation: 'decode',
};

type Heads = Pick<LinearAttentionCall, 'keyHeads' | 'valueHeads' | 'keyLength' | 'valueLength'>;

function measurementOf(rule: LinearRule, headsOf: (row: TableRow) => Heads) {
  return (row: TableRow): Measurement<LinearAttentionCall> | null => {
    // Besides, tables have calls that check drafted tokens.
    const phase = PHASES[row.text('phase')];
    if (phase === undefined) return null;
    return {
      call: {
        family: 'linear-attention',
        rule,
        kernel: row.text('kernel_source').startsWith('causal_conv1d') ? 'convolution' : 'recurrence',
        phase,
        ...headsOf(row),
        convolution: row.size('d_conv'),
        sequences: row.size('batch_size'),
        newTokens: row.size('seq_len'),
      },
      seconds: row.seconds('latency'),
    };
  };
}

const COLUMNS = ['phase', 'kernel_source', 'batch_size', 'seq_len', 'd_conv', 'latency'];
const DELTA_COLUMNS = [...COLUMNS, 'num_k_heads', 'head_k_dim', 'num_v_heads', 'head_v_dim'];

const deltaHeads = (row: TableRow): Heads => ({
  keyHeads: row.size('num_k_heads'),
  keyLength: row.size('head_k_dim'),
  valueHeads: row.size('num_v_heads'),
  valueLength: row.size('head_v_dim'),
});

export const TABLES: readonly Table<LinearAttentionCall>[] = [
  {
    folder: 'linear_attention',
    file: 'gdn_perf.parquet',
    columns: DELTA_COLUMNS,
    measurementOf: measurementOf('gated-delta', deltaHeads),
  },
  {
    folder: 'kda',
    file: 'kda_perf.parquet',
    columns: DELTA_COLUMNS,
    measurementOf: measurementOf('kimi-delta', deltaHeads),
  },
  {
    folder: 'linear_attention',
    file: 'mamba2_perf.parquet',
    columns: [...COLUMNS, 'nheads', 'head_dim', 'n_groups', 'd_state'],
    measurementOf: measurementOf('mamba-2', (row) => ({
      keyHeads: row.size('n_groups'),
      keyLength: row.size('d_state'),
      valueHeads: row.size('nheads'),
      valueLength: row.size('head_dim'),
    })),
  },
];
