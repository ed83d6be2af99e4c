/**
 * `growth-child.ts ROWS MATRICES`: prunes that many matrices of ROWS × 4096 random weights by Wanda and
 * DSnoT, one after the other, by the code that prunes files. Prints seconds of the mask step, of everything
 * but making the weights, and what memory grew by.
 */
import { readFileSync } from 'node:fs';
import { LayerPruner } from '../../../artifacts/pruning/layer-pruner.js';
import type { LinearLayer } from '../../../artifacts/pruning/linear-layers.js';
import { readSparsity } from '../../../core/techniques/sparsity.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../../engines/native/kernels.js';

const COLUMNS = 4096;
const [rows, matrices] = process.argv.slice(2).map(Number) as [number, number];
const reading = readSparsity('dsnot:50%?mode=reference&order=dense&outputError=false');
if (!reading.ok || reading.value === null) throw new Error('no spec');
const engine = await openPruningKernels(kernelsLibrary()!, 2);
let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32 - 0.5;
};
const channels = (of: () => number) => Float32Array.from({ length: COLUMNS }, of);
const statistics = {
  squaresPerSequence: channels(() => 50 + 100 * (random() + 0.5)),
  sumPerSequence: channels(() => 20 * random()),
  variance: channels(() => 0.2 + random() + 0.5),
  sequences: 8,
  tokens: 2048,
};
const weights = { rows, columns: COLUMNS, values: new Float32Array(rows * COLUMNS) };
const layer = {
  name: 'blk.0.ffn_up.weight',
  path: '',
  type: 'f16',
  shape: [COLUMNS, rows],
  rows,
  columns: COLUMNS,
  bytes: 0,
  offset: 0,
} as const satisfies LinearLayer;
const pruner = () =>
  new LayerPruner({
    spec: reading.value!,
    layers: [layer],
    engine,
    allocated: null,
    file: { write: async () => {}, close: async () => {} },
  });
const seen = { name: layer.name, weights, statistics, hessian: null, calibrationSeconds: 0 };
const fill = () => {
  for (let i = 0; i < weights.values.length; i++) weights.values[i] = random();
};

/** Linux: the most that was ever resident. */
const peakBytes = () =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN) * 1024;

fill();
// Less the dense weights, which are counted as the first of three.
const before = process.memoryUsage().rss - weights.values.byteLength;
let maskSeconds = 0;
let allSeconds = 0;
for (let i = 0; i < matrices; i++) {
  if (i > 0) fill();
  const one = pruner();
  const began = performance.now();
  await one.prune(seen);
  allSeconds += (performance.now() - began) / 1000;
  maskSeconds += one.reports[0]!.maskSeconds;
}
console.log(
  JSON.stringify({
    weights: rows * COLUMNS * matrices,
    largestBytes: weights.values.byteLength,
    maskSeconds,
    allSeconds,
    grewBytes: peakBytes() - before,
  }),
);
