import { OPS } from '../../../core/kernels/gen/ops.js';
import { type OpType, shapeOf } from '../../../core/kernels/op.js';
import { median } from '../../../core/statistics/quantile.js';
import type { NativeOps, OpRequest, PreparedOp } from '../../../engines/native/ops.js';
import type { RoofsBench } from '../../../engines/native/roofs.js';

export interface Machine {
  readonly ops: NativeOps;
  readonly roof: RoofsBench;
  readonly threads: number;
  readonly rounds: number;
  /** Of the dense matrix. */
  readonly weightBytes: number;
}

/** One line of the table. */
export interface Row {
  readonly format: string;
  readonly type: OpType;
  readonly bitsPerWeight: number | null;
  readonly milliseconds: number;
  readonly gigabytesPerSecond: number;
  /** Of what reading memory reached in the same rounds. */
  readonly share: number;
  /** Over the dense matrix of the type: median of the rounds' ratios, and what the bytes alone would give. */
  readonly speedup: number | null;
  readonly ideal: number | null;
}

const COLUMNS = 4096;
const BYTES: Readonly<Record<OpType, number>> = { f32: 4, f16: 2, bf16: 2, int8: 1, int4: 0.5625 };
const rowsOf = (machine: Machine, type: OpType) =>
  Math.round(machine.weightBytes / BYTES[type] / COLUMNS / 64) * 64;

/** The dense matrix against a plain reading of memory. */
export function dense(machine: Machine, type: OpType): Row {
  const prepared = prepare(machine, 'gemv', type, { rows: rowsOf(machine, type), columns: COLUMNS });
  const row = against(machine, 'dense', type, prepared);
  prepared.close();
  return row;
}

/** Every sparse format of a type against the dense matrix. */
export function* sparse(machine: Machine, type: OpType): Generator<Row> {
  const rows = rowsOf(machine, type);
  const base = prepare(machine, 'gemv', type, { rows, columns: COLUMNS });
  for (const { format, op, sparsity } of FORMATS) {
    const facts = OPS.find(({ name }) => name === op)!;
    if (!facts.types.includes(type)) continue;
    const prepared = prepare(machine, op, type, { rows, columns: COLUMNS, batch: 1, sparsity });
    const times: number[] = [];
    const ratios: number[] = [];
    const shares: number[] = [];
    for (let round = 0; round < machine.rounds; round++) {
      const [plain] = base.measure(1);
      const [own] = prepared.measure(1);
      times.push(own!);
      ratios.push(plain! / own!);
      shares.push((prepared.bytes / own!) * (1e9 / reading(machine)));
    }
    const time = median(times);
    yield {
      format,
      type,
      bitsPerWeight: prepared.facts.bitsPerWeight ?? null,
      milliseconds: time / 1e6,
      gigabytesPerSecond: prepared.bytes / time,
      share: median(shares),
      speedup: median(ratios),
      ideal: base.bytes / prepared.bytes,
    };
    prepared.close();
  }
  base.close();
}

const FORMATS = [
  ...[50, 60, 70, 80].map((sparsity) => ({ format: `bitmap ${sparsity} %`, op: 'sparse-bitmap', sparsity })),
  { format: '2:4', op: 'sparse-2of4', sparsity: 50 },
  ...[50, 80].map((sparsity) => ({ format: `blocks ${sparsity} %`, op: 'sparse-blocks', sparsity })),
  ...[50, 70, 80].map((sparsity) => ({ format: `csr ${sparsity} %`, op: 'sparse-csr', sparsity })),
];

/** One token that looks at a long cache with eight heads of keys and values for 32 of queries; null where there is no such op. */
export function attention(machine: Machine): Row | null {
  const op = 'attention-decode';
  if (!OPS.some(({ name }) => name === op)) return null;
  const context = Math.round(machine.weightBytes / (2 * 2 * 8 * 128));
  const prepared = prepare(machine, op, 'f16', {
    batch: 1,
    heads: 32,
    kvHeads: 8,
    keyLength: 128,
    valueLength: 128,
    context,
  });
  const row = against(machine, 'GQA decode', 'f16', prepared);
  prepared.close();
  return row;
}

function against(machine: Machine, format: string, type: OpType, prepared: PreparedOp): Row {
  const times: number[] = [];
  const shares: number[] = [];
  for (let round = 0; round < machine.rounds; round++) {
    const [own] = prepared.measure(1);
    times.push(own!);
    shares.push((prepared.bytes / own!) * (1e9 / reading(machine)));
  }
  const time = median(times);
  return {
    format,
    type,
    bitsPerWeight: prepared.facts.bitsPerWeight ?? null,
    milliseconds: time / 1e6,
    gigabytesPerSecond: prepared.bytes / time,
    share: median(shares),
    speedup: null,
    ideal: null,
  };
}

/** Bytes per second of one pass over memory by all threads: as long as one product, for the two to be held against each other. */
function reading({ roof, weightBytes, threads }: Machine): number {
  const bytes = Math.min(weightBytes / threads, 128 * 2 ** 20);
  return roof.bandwidth({ access: 'read', streaming: false, bytes }, 1e-3, 1).rates[0]!;
}

/** The last variant that this machine runs. */
function prepare(machine: Machine, op: string, type: OpType, sizes: Record<string, number>): PreparedOp {
  const listed = machine.ops.describe().find(({ name }) => name === op)!;
  const variant = listed.variants.findLast(
    ({ absent, types, platform }) => absent === null && platform !== 'cuda' && types.includes(type),
  )!;
  const shape = shapeOf(OPS.find(({ name }) => name === op)!, sizes);
  const request: OpRequest = { op, variant: variant.name, type, shape, threads: machine.threads, seed: 1 };
  const prepared = machine.ops.prepare(request, 'cold');
  prepared.measure(2);
  return prepared;
}

/** As text. */
export function table(rows: readonly Row[]): string {
  return rows
    .map(
      (row) =>
        `${row.format.padEnd(12)} ${row.type.padEnd(5)} ${(row.bitsPerWeight ?? 0).toFixed(2).padStart(6)} bits/weight ` +
        `${row.milliseconds.toFixed(2).padStart(8)} ms ${row.gigabytesPerSecond.toFixed(1).padStart(6)} GB/s ` +
        `${(100 * row.share).toFixed(1).padStart(6)} % of reading` +
        (row.speedup === null ? '' : `  ${row.speedup.toFixed(2)} x dense (bytes: ${row.ideal!.toFixed(2)})`),
    )
    .join('\n');
}
