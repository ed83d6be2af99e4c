/**
 * Measured ceilings against others who measure the same, interleaved on this machine.
 *
 * 1. Bandwidth of memory against programs by STREAM's rules (test/bench/peers/memory-rates.c, compiled here
 *   with gcc, with ordinary stores and with stores past the caches; STREAM itself where RIDGEPOINT_STREAM
 *   names a build of it): what we reach is within 5 % of the best of them, copy and triad, with one thread
 *   and with all.
 * 2. Peaks of matrix products in f32, bf16 and int8 against oneDNN itself where its headers are
 *   (`apt-get install libdnnl-dev`; weights packed beforehand, int8 as u8 by s8), and against numpy
 *   (OpenBLAS) and torch (oneDNN), which RIDGEPOINT_PYTHON runs: the roof is at least 90 % of the best
 *   product.
 *
 * Both sides take turns, `--rounds=N` times (15; products in a third of them), each beginning every other
 * time. Of a turn the best pass counts, as for roofs and for STREAM. Memory of a shared host has fast and
 * slow quarters of an hour, which one side alone may meet: rates of memory are held against each other within
 * a round, and the median of the rounds counts. Products do not depend on it: of each side the best counts.
 * `--quick` is one short round.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeBytes } from '../../agent/roofs/machine.js';
import { planRoofs } from '../../agent/roofs/plan.js';
import { readTopology } from '../../agent/roofs/topology.js';
import { ACCESSES } from '../../core/result/roofs.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { openRoofsKernels } from '../../engines/native/roofs.js';
import { readAffinity } from '../../process/device/affinity.js';
import { median } from '../../statistics/quantile.js';
import { conclude, type Figure } from './figure.js';
import {
  compiledOneDnn,
  compiledPeers,
  type Kernel,
  type MemoryPeer,
  productRates,
  streamPeers,
} from './roofs/peers.js';

const quick = process.argv.includes('--quick');
const rounds = Number(
  process.argv.find((word) => word.startsWith('--rounds='))?.split('=')[1] ?? (quick ? 1 : 15),
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
const plan = planRoofs(readTopology(cpus), counts, freeBytes(), ACCESSES);
for (const caveat of plan.caveats) console.log(caveat);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-roofs-'));
const oneDnn = compiledOneDnn(folder);
const figures: Figure[] = [];

/** What each side reached in each round, by name. */
const rates = new Map<string, number[]>();
const seen = (round: number, name: string, rate: number) => {
  const all = rates.get(name) ?? [];
  all[round] = Math.max(all[round] ?? 0, rate);
  rates.set(name, all);
};
const giga = (rate: number) => (rate / 1e9).toFixed(1);
const percent = (ratio: number) => `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(1)} %`;

try {
  for (const { cpus: used, bytes } of plan.threads) {
    const threads = used.length === 1 ? '1 thread' : `${used.length} threads`;
    const elements = Math.floor(((bytes.memory ?? 0) * used.length) / 3 / 8);
    const peers = [...compiledPeers(folder, elements), ...streamPeers()];
    for (let round = 0; round < rounds; round++) {
      const turns = [
        () => ownBandwidth(round, used, bytes.memory ?? 0, threads),
        ...peers.map((peer) => () => peerBandwidth(round, peer, used, threads)),
      ];
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) turn();
      if (round % 3 === 0) products(round, used, threads);
    }
    figures.push(...KERNELS.map((kernel) => bandwidthFigure(kernel, peers, threads)));
    figures.push(...ARITHMETICS.flatMap((arithmetic) => productFigure(arithmetic, threads)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('roofs', figures);

function ownBandwidth(round: number, used: readonly number[], bytes: number, threads: string): void {
  const bench = kernels.open(used, bytes);
  for (const access of KERNELS) {
    for (const streaming of [false, true]) {
      const { rates } = bench.bandwidth({ access, streaming, bytes }, 0.004, REPEATS);
      seen(round, `${access} ours ${threads}`, Math.max(...rates));
    }
  }
  bench.close();
}

function peerBandwidth(round: number, peer: MemoryPeer, used: readonly number[], threads: string): void {
  const reached = peer.run(used);
  for (const kernel of KERNELS) seen(round, `${kernel} ${peer.name} ${threads}`, reached[kernel]);
}

function products(round: number, used: readonly number[], threads: string): void {
  const bench = kernels.open(used, 2 ** 20);
  for (const arithmetic of ARITHMETICS) {
    const reached = bench.compute(arithmetic, 'matrix', 0.02, REPEATS);
    if (reached !== null) seen(round, `${arithmetic} ours ${threads}`, Math.max(...reached.rates));
  }
  bench.close();
  const theirs = { ...productRates(used.length, SIZE, REPEATS), ...oneDnn?.(used.length, SIZE, REPEATS) };
  for (const [name, rate] of Object.entries(theirs)) seen(round, `${name} ${threads}`, rate);
}

function bandwidthFigure(kernel: Kernel, peers: readonly MemoryPeer[], threads: string): Figure {
  const claim = `memory ${kernel} with ${threads} against the best of ${peers.map(({ name }) => name).join('; ')}`;
  const required = `within ${BANDWIDTH_TOLERANCE * 100} %, median of rounds`;
  if (peers.length === 0)
    return { claim, measured: 'not measured: it goes without gcc', required, holds: false };
  const ours = rates.get(`${kernel} ours ${threads}`)!;
  const theirs = peers.map(({ name }) => rates.get(`${kernel} ${name} ${threads}`)!);
  const ratios = ours.map((rate, round) => rate / Math.max(...theirs.map((each) => each[round]!)));
  const ratio = median(ratios);
  return {
    claim,
    measured:
      `${giga(median(ours))} GB/s, theirs ${theirs.map((each) => giga(median(each))).join('; ')} GB/s: ` +
      `${percent(ratio)} (of ${ratios.length} rounds ${percent(Math.min(...ratios))} to ${percent(Math.max(...ratios))})`,
    required,
    holds: Math.abs(ratio - 1) <= BANDWIDTH_TOLERANCE,
  };
}

/** None for an arithmetic that this processor has no products in. */
function productFigure(arithmetic: string, threads: string): Figure[] {
  const best = (name: string) => {
    const all = rates.get(`${arithmetic} ${name} ${threads}`);
    return all && Math.max(...all.filter((rate) => rate !== undefined));
  };
  const ours = best('ours');
  if (ours === undefined) return [];
  const claim = `products in ${arithmetic} with ${threads}`;
  const required = `at least ${PRODUCT_SHARE * 100} % of the best of them`;
  const peers = ['oneDNN', 'numpy', 'torch'].flatMap((name) => {
    const rate = best(name);
    return rate === undefined ? [] : [{ name, rate }];
  });
  if (peers.length === 0) {
    const measured =
      'not measured: it goes without libdnnl-dev and without RIDGEPOINT_PYTHON, a Python with numpy and torch';
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
