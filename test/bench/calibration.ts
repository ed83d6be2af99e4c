/**
 * What looking into a model costs: 512-token sequences of builtin:small through the engine alone, and with statistics of
 * every layer collected, side by side and interleaved; then the walk over blocks,
 * which also writes and loads a file for each block. Needs the native kernels (npm run build where a compiler is).
 * Claim: collecting adds at most a quarter to a prefill.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { linearsOf } from '../../artifacts/calibration/blocks.js';
import { passModel } from '../../artifacts/calibration/pass.js';
import { calibrationSequences } from '../../artifacts/calibration/sequences.js';
import { walkLayers } from '../../artifacts/calibration/walk.js';
import { builtinFolder } from '../../artifacts/files/source.js';
import { median } from '../../core/statistics/quantile.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import { llamaCpp } from '../../engines/runners/llama-cpp/index.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { conclude } from './figure.js';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const TOKENS = 512;
const MOST_ADDED = 0.25;

requiredKernels();
const models = builtinFolder();
const modelPath = join(models, 'small-f16.gguf');
const threads = Number(process.env.THREADS ?? availableParallelism());
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-calibration-'));

const sequences = await calibrationSequences({
  modelPath,
  textPath: join(models, 'sample.txt'),
  sequences: 8,
  tokens: TOKENS,
  windows: { scheme: 'random', seed: 0 },
});
const linears = linearsOf(readGgufHeader(modelPath), () => true);

/** Milliseconds of each sequence but the first, which warms up. */
async function plain(): Promise<number[]> {
  const model = await llamaCpp.opens.generator({
    modelPath,
    options: { threads },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [],
    contextTokens: TOKENS,
    sequences: 1,
  });
  const times = sequences.map((sequence) => {
    const began = performance.now();
    model.reset(0);
    model.prefill([sequence]);
    return performance.now() - began;
  });
  model.close();
  return times.slice(1);
}

async function collected(): Promise<number[]> {
  const ends: number[] = [];
  const onProgress = () => void ends.push(performance.now());
  await passModel({ modelPath, linears, sequences, threads, onProgress });
  return ends.slice(1).map((end, i) => end - ends[i]!);
}

/** Milliseconds of a sequence on its way through all blocks. */
async function walked(hessians: boolean): Promise<number[]> {
  const wanted = () => true;
  const summary = await walkLayers(
    { modelPath, sequences, order: 'dense', wanted, hessians, threads, scratchFolder: join(folder, 's') },
    () => null,
  );
  return [(summary.seconds.collecting * 1000) / sequences.length];
}

const ways = {
  'prefill alone': plain,
  'with statistics': collected,
  'walk over blocks': () => walked(false),
  'walk with Hessians': () => walked(true),
};
const times = new Map<string, number[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [way, run] of Object.entries(ways))
    times.set(way, [...(times.get(way) ?? []), ...(await run())]);
}
rmSync(folder, { recursive: true, force: true });

const of = (way: keyof typeof ways) => median(times.get(way)!);
const base = of('prefill alone');
for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
  const perToken = (of(way) * 1000) / TOKENS;
  console.log(
    `${way.padEnd(20)} ${perToken.toFixed(1).padStart(8)} µs a token  ${(of(way) / base).toFixed(2)} times`,
  );
}
const added = of('with statistics') / base - 1;
conclude('calibration', [
  {
    claim: `statistics of all layers of builtin:small add to a prefill of ${TOKENS} tokens, ${threads} threads`,
    measured: `${(100 * added).toFixed(1)} %`,
    required: `at most ${100 * MOST_ADDED} %`,
    holds: added <= MOST_ADDED,
  },
]);
