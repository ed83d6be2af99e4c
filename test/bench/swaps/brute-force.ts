import type { Hessian } from '../../../core/techniques/pruning/hessian.js';
import { pruneLayer } from '../../../core/techniques/pruning/layer.js';
import { applyMask, type Mask } from '../../../core/techniques/pruning/mask.js';
import { copyOf, type Matrix, rowOf } from '../../../core/techniques/pruning/matrix.js';
import type { NamedMethod } from '../../../core/techniques/pruning/methods/index.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../../engines/native/kernels.js';
import { flip, isPruned } from '../../support/pruning/mask.js';
import type { Figure } from '../figure.js';
import { type Drawn, drawLayer } from './synthetic.js';

const [ROWS, COLUMNS] = [10, 24];
/** Of the sum of a row's terms: what rounding may make of a difference of two of its errors. */
const ROUNDING = 1e-9;

const METHODS: readonly NamedMethod[] = [
  { kind: 'magnitude', scope: 'row' },
  { kind: 'wanda' },
  { kind: 'sparsegpt', blockColumns: 8 },
];
const PATTERNS: readonly Pattern[] = [
  { kind: 'unstructured', ratio: 0.5 },
  { kind: 'unstructured', ratio: 0.7 },
  { kind: 'grouped', pruned: 2, group: 4 },
  { kind: 'grouped', pruned: 4, group: 8 },
];

/** What was found of the native kernel’s swaps, each looked at beside every other pair of its row. */
interface Found {
  rows: number;
  swaps: number;
  /** Swaps that another pair beats, swaps that raise the error, and rows that end where a pair lowers it. */
  beaten: number;
  raised: number;
  unfinished: number;
}

/**
 * Makes swaps one at a time on small layers, and computes d H dᵀ anew for every pair of a pruned and a kept
 * weight before each.
 */
export async function bruteForce(wantedRows: number): Promise<Figure> {
  const engine = await openPruningKernels(kernelsLibrary()!, 1);
  const found: Found = { rows: 0, swaps: 0, beaten: 0, raised: 0, unfinished: 0 };
  for (let i = 0; found.rows < wantedRows; i++) {
    const drawn = drawLayer({ rows: ROWS, columns: COLUMNS, tokens: 64, seed: i + 1 });
    const [method, where] = [METHODS[i % 3]!, PATTERNS[i % 4]!];
    const first = pruneLayer(drawn.layer, method, where, engine);
    const { weights: dense, hessian } = drawn.layer;
    const values = regrown(dense, first.weights, first.mask);
    let mask = first.mask;
    for (let step = 0; step < 10 * COLUMNS; step++) {
      const made = engine.swaps(dense, values, mask, hessian!, where, 1);
      for (let row = 0; row < ROWS; row++) judge({ drawn, values, where }, row, mask, made.mask, found);
      const swaps = made.swaps.reduce((sum, count) => sum + count, 0);
      found.swaps += swaps;
      mask = made.mask;
      if (swaps === 0) break;
    }
    found.rows += ROWS;
  }
  const wrong = found.beaten + found.raised + found.unfinished;
  return {
    claim: 'every swap is the best of all pairs by brute force, and the end has no better one',
    measured: `${found.rows} rows of ${COLUMNS} after magnitude, Wanda and SparseGPT, ${found.swaps} swaps: ${found.beaten} beaten by another pair, ${found.raised} that raise the error, ${found.unfinished} rows with a pair left`,
    required: 'none',
    holds: wrong === 0 && found.rows >= wantedRows,
  };
}

function judge(
  { drawn, values, where }: { drawn: Drawn; values: Matrix; where: Pattern },
  row: number,
  before: Mask,
  after: Mask,
  found: Found,
): void {
  const { weights: dense, hessian } = drawn.layer;
  const square = (mask: Mask) => squareOf(dense, values, mask, hessian!, row);
  const rounding = ROUNDING * energyOf(dense, hessian!, row);
  let best = Number.POSITIVE_INFINITY;
  for (const other of neighbours(before, row, where)) best = Math.min(best, square(other));
  const [was, is] = [square(before), square(after)];
  const swapped = before.bits.some((byte, at) => byte !== after.bits[at] && inRow(before, row, at));
  if (!swapped) {
    if (best < was - rounding) found.unfinished++;
    return;
  }
  if (is > best + rounding) found.beaten++;
  if (is > was + rounding) found.raised++;
}

const inRow = ({ rowBytes }: Mask, row: number, at: number) => Math.floor(at / rowBytes) === row;

/** Every mask that one swap makes of a row’s. */
function* neighbours(mask: Mask, row: number, where: Pattern): Generator<Mask> {
  const group = where.kind === 'grouped' ? where.group : COLUMNS;
  for (let u = 0; u < COLUMNS; u++) {
    if (!isPruned(mask, row, u)) continue;
    const start = u - (u % group);
    for (let p = start; p < start + group; p++) {
      if (isPruned(mask, row, p)) continue;
      const other = { ...mask, bits: mask.bits.slice() };
      flip(other, row, u);
      flip(other, row, p);
      yield other;
    }
  }
}

/** d H dᵀ of a row, d = dense − pruned weights. */
function squareOf(dense: Matrix, values: Matrix, mask: Mask, { values: h }: Hessian, row: number): number {
  const [w, v] = [rowOf(dense, row), rowOf(values, row)];
  const d = Float64Array.from(w, (value, j) => (isPruned(mask, row, j) ? value : value - v[j]!));
  let sum = 0;
  for (let i = 0; i < COLUMNS; i++) {
    if (d[i] === 0) continue;
    sum += d[i]! * d[i]! * h[i * COLUMNS + i]!;
    for (let j = i + 1; j < COLUMNS; j++) sum += 2 * d[i]! * d[j]! * h[i * COLUMNS + j]!;
  }
  return sum;
}

const energyOf = (dense: Matrix, { values: h }: Hessian, row: number) =>
  rowOf(dense, row).reduce((sum, w, j) => sum + w * w * h[j * COLUMNS + j]!, 0);

/** What a weight is where it is kept: pruned ones come back as they were. */
function regrown(dense: Matrix, pruned: Matrix, mask: Mask): Matrix {
  const kept = copyOf(dense);
  applyMask(kept, mask);
  const values = dense.values.map((value, at) => (kept.values[at] === 0 ? value : pruned.values[at]!));
  return { ...dense, values };
}
