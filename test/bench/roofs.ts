/**
 * Measured ceilings against others who measure the same, interleaved on this machine.
 *
 * 1. Bandwidth of memory against programs by STREAM's rules (test/bench/peers/memory-rates.c, compiled here with gcc, with
 *    ordinary stores and with stores past the caches; STREAM itself where RIDGEPOINT_STREAM names a build of it): the best
 *    that we reach is within 5 % of the best that they reach, copy and triad, with one thread and with all.
 * 2. Peaks of matrix products against numpy (OpenBLAS) and torch (oneDNN), which RIDGEPOINT_PYTHON runs: the roof is at
 *    least 90 % of the best product.
 *
 * Both sides take turns, `--rounds=N` times (5); of each side the best counts, as for roofs. `--quick` is one short round.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAffinity } from '../../agent/isolation/affinity.js';
import { kernelsLibrary } from '../../agent/native/kernel-library.js';
import { openRoofsKernels, type RoofsBench } from '../../agent/native/roofs.js';
import { freeBytes } from '../../agent/roofs/machine.js';
import { planRoofs } from '../../agent/roofs/plan.js';
import { readTopology } from '../../agent/roofs/topology.js';
import { conclude, type Figure } from './figure.js';
import { compiledPeers, type Kernel, type MemoryPeer, productRates, streamPeers } from './roofs/peers.js';

const quick = process.argv.includes('--quick');
const rounds = Number(
  process.argv.find((word) => word.startsWith('--rounds='))?.split('=')[1] ?? (quick ? 1 : 5),
);
const REPEATS = quick ? 3 : 10;
const SIZE = quick ? 1024 : 2048;
const BANDWIDTH_TOLERANCE = 0.05;
const PRODUCT_SHARE = 0.9;
const KERNELS: readonly Kernel[] = ['copy', 'triad'];
const ARITHMETICS = ['f32', 'bf16', 'int8'] as const;

const library = kernelsLibrary();
if (library === null) {
  console.log('goes without the native kernels: node scripts/build-kernels.mjs');
  process.exit(1);
}
const kernels = await openRoofsKernels(library);
const cpus = readAffinity('self') ?? [0];
const counts = cpus.length === 1 ? [1] : [1, cpus.length];
const plan = planRoofs(readTopology(cpus), counts, freeBytes());
for (const doubt of plan.doubts) console.log(doubt);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-roofs-'));
const figures: Figure[] = [];

/** The best of each side so far, by name. */
const best = new Map<string, number>();
const seen = (name: string, rate: number) => best.set(name, Math.max(best.get(name) ?? 0, rate));
const giga = (rate: number) => (rate / 1e9).toFixed(1);

try {
  for (const { cpus: used, bytes } of plan.threads) {
    const threads = used.length === 1 ? '1 thread' : `${used.length} threads`;
    const elements = Math.floor(((bytes.memory ?? 0) * used.length) / 3 / 8);
    const peers = [...compiledPeers(folder, elements), ...streamPeers()];
    for (let round = 0; round < rounds; round++) {
      ownRates(used, bytes.memory ?? 0, threads);
      for (const peer of peers) peerRates(peer, used, threads);
      for (const [name, rate] of Object.entries(productRates(used.length, SIZE, REPEATS))) {
        seen(`${name} ${threads}`, rate);
      }
    }
    figures.push(...KERNELS.map((kernel) => bandwidthFigure(kernel, peers, threads)));
    figures.push(...ARITHMETICS.flatMap((arithmetic) => productFigure(arithmetic, threads)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('roofs', figures);

function ownRates(used: readonly number[], bytes: number, threads: string): void {
  const bench: RoofsBench = kernels.open(used, bytes);
  try {
    for (const access of KERNELS) {
      for (const streaming of [false, true]) {
        const { rates } = bench.bandwidth({ access, streaming, bytes }, 0.004, REPEATS);
        seen(`${access} ours ${threads}`, Math.max(...rates));
      }
    }
    for (const arithmetic of ARITHMETICS) {
      const rates = bench.compute(arithmetic, 'matrix', 0.02, REPEATS);
      if (rates !== null) seen(`${arithmetic} ours ${threads}`, Math.max(...rates));
    }
  } finally {
    bench.close();
  }
}

function peerRates(peer: MemoryPeer, used: readonly number[], threads: string): void {
  const rates = peer.run(used);
  for (const kernel of KERNELS) seen(`${kernel} ${peer.name} ${threads}`, rates[kernel]);
}

function bandwidthFigure(kernel: Kernel, peers: readonly MemoryPeer[], threads: string): Figure {
  const claim = `memory ${kernel} with ${threads} against ${peers.map(({ name }) => name).join('; ')}`;
  const required = `within ${BANDWIDTH_TOLERANCE * 100} % of the best of them`;
  const ours = best.get(`${kernel} ours ${threads}`) ?? 0;
  const theirs = peers.map(({ name }) => best.get(`${kernel} ${name} ${threads}`) ?? 0);
  if (peers.length === 0)
    return { claim, measured: 'not measured: it goes without gcc', required, holds: false };
  const ratio = ours / Math.max(...theirs);
  return {
    claim,
    measured: `${giga(ours)} GB/s, theirs ${theirs.map(giga).join('; ')} GB/s: ${((ratio - 1) * 100).toFixed(1)} %`,
    required,
    holds: Math.abs(ratio - 1) <= BANDWIDTH_TOLERANCE,
  };
}

/** None for an arithmetic that this processor has no products in. */
function productFigure(arithmetic: string, threads: string): Figure[] {
  const ours = best.get(`${arithmetic} ours ${threads}`);
  if (ours === undefined) return [];
  const claim = `products in ${arithmetic} with ${threads}`;
  const required = `at least ${PRODUCT_SHARE * 100} % of the best of them`;
  const peers = ['numpy', 'torch'].flatMap((name) => {
    const rate = best.get(`${arithmetic} ${name} ${threads}`);
    return rate === undefined ? [] : [{ name, rate }];
  });
  if (peers.length === 0) {
    const measured = 'not measured: it goes without RIDGEPOINT_PYTHON, a Python with numpy and torch';
    return [{ claim, measured, required, holds: false }];
  }
  const highest = Math.max(...peers.map(({ rate }) => rate));
  const theirs = peers.map(({ name, rate }) => `${name} ${giga(rate)}`).join(', ');
  return [
    {
      claim,
      measured: `${giga(ours)} Gflop/s, ${theirs}: ${((100 * ours) / highest).toFixed(0)} %`,
      required,
      holds: ours >= PRODUCT_SHARE * highest,
    },
  ];
}
