/**
 * Planning is cheap and constant in memory: 10^6 points are counted and every one of them is unranked to its
 * full content within one second and 100 MB of heap growth; the 10^9 points of docs/examples/billion.yaml
 * are counted and their first, last and random rows found at once. Ids are hashed when a point is drawn, not
 * when a sweep is planned; what that costs is printed, without a bound.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { permute } from '../../core/statistics/permutation.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { parseSweep } from '../../core/sweep/parse.js';
import { planSpace } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';

const MILLION = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: million }
spec:
  models: [a.gguf, b.gguf, c.gguf, d.gguf]
  techniques: { quantization: [f16, q8_0, q6_k, q5_k_m, q4_k_m] }
  runners:
    kind: llama-cpp
    flashAttention: [true, false]
    kvCacheTypeV: [f16, q8_0, q5_1, q4_0]
    threads: "1-10"
  workloads:
    kind: latency
    promptTokens: "64-640+64"
    generateTokens: "16-256*2"
    parallel: "1-16*2"
    contextDepth: "0-6144+2048"
  include:
    - { promptTokens: "32-320+32", generateTokens: [8], contextDepth: 0, threads: 16, flashAttention: auto }
`;
const HASHED = 20_000;
/** The fastest round counts: what else runs on the machine can only add to it. */
const ROUNDS = 3;

function read(source: string): Sweep {
  const parsed = parseSweep(source);
  if (!parsed.ok) throw new Error(parsed.diagnostics.map((error) => error.message).join('\n'));
  return parsed.sweep;
}

/** Heap in use after a full collection where `--expose-gc` is on, else as it is. */
function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const seconds = () => Number(process.hrtime.bigint()) / 1e9;
let short = 0;
function figure(claim: string, value: number, bound: number, unit: string): void {
  const holds = value <= bound;
  if (!holds) short += 1;
  console.log(
    `${holds ? 'holds' : 'FALLS SHORT'}: ${claim}: ${value.toFixed(3)} ${unit} (required: at most ${bound} ${unit})`,
  );
}

const million = read(MILLION);
const space = planSpace(million);
const before = heapBytes();
let peak = before;
let fastest = Number.POSITIVE_INFINITY;
let checksum = 0;
for (let round = 0; round < ROUNDS; round++) {
  const start = seconds();
  const planned = planSpace(million);
  for (let position = 0; position < planned.count; position++) {
    const content = planned.at(position);
    checksum += (content.workload.options.promptTokens as number) + content.model.name.length;
    if (position % 9973 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed);
  }
  const took = seconds() - start;
  console.log(`round ${round + 1}: ${took.toFixed(3)} s`);
  fastest = Math.min(fastest, took);
}

const hashing = seconds();
for (let i = 0; i < HASHED; i++) experimentAt(space, permute(i, space.count, million.placement.seed));
const perId = (seconds() - hashing) / HASHED;

const source = readFileSync(join(import.meta.dirname, '../../docs/examples/billion.yaml'), 'utf8');
const billionStart = seconds();
const billion = read(source);
const huge = planSpace(billion);
for (let i = 0; i < 100; i++) experimentAt(huge, permute(i, huge.count, billion.placement.seed));
experimentAt(huge, 0);
experimentAt(huge, huge.count - 1);
const billionSeconds = seconds() - billionStart;

console.log(`10^6 sweep: ${space.count} of ${space.total} points run (checksum ${checksum})`);
console.log(
  `ids are not part of planning: ${(perId * 1e6).toFixed(1)} us each, ${(perId * 1e6).toFixed(1)} s for 10^6`,
);
console.log(`billion.yaml: ${huge.count} of ${huge.total} points run`);
figure('10^6 points counted and unranked, fastest round', fastest, 1, 's');
figure('heap growth at its highest', (peak - before) / 1e6, 100, 'MB');
figure('billion.yaml read, counted, 102 rows drawn', billionSeconds, 1, 's');
if (space.count < 1e6 || huge.count < 1e9) {
  console.log('FALLS SHORT: the sweeps are smaller than the claim');
  short += 1;
}
console.log(`bench:plan: ${short === 0 ? 'all hold' : `${short} fall short`}`);
if (short > 0) process.exitCode = 1;
