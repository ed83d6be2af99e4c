/**
 * bench:loadgen: is the load generator where its numbers say it is? It runs on one CPU, a simulated server
 * that takes no time on another:
 *
 *   1. an open loop of 1,000 requests per second (Poisson) sends 99 % of them less than 5 ms after their
 *     time, and none fails
 *   2. 2,000 streams at once, 10 tokens per second each, end without a failed request, and the generator is
 *     at its sockets: 99 % of the turns of its loop take less than 50 ms, half of a gap between tokens
 *   3. neither a tokenizer of 5 ms per answer nor a full disk that progress is written to makes an answer
 *     slower: the median and the 99th percentile of service latency with them, over those without, are at
 *     most 1.1, interleaved
 *
 * Each after a warm-up of generator and server, as workloads have one. What the generator takes of its CPU is
 * printed beside each.
 *
 *   npm run bench -- loadgen
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { latenciesOf } from '../../core/serving/latencies.js';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import { measureCeiling } from '../../load/ceiling.js';
import { type LoadOrder, type LoadOutcome, runLoad } from '../../load/run-load.js';
import { startSimulatorProcess } from '../../load/simulator/process.js';
import { readCpu } from '../../process/device/cpu.js';
import { median, quantile } from '../../statistics/quantile.js';
import { endpointOf, many } from '../support/simulator.js';
import { conclude, type Figure } from './figure.js';

/** Set where this process is on its CPU: the server's. */
const SERVER_CPU = 'RIDGEPOINT_LOADGEN_SERVER_CPU';
const serverCpu = process.env[SERVER_CPU];
const ROUNDS = 5;
const WARM_UP_SECONDS = 2;

const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(2)} ms`;
const failed = ({ records }: LoadOutcome) => records.filter(({ outcome }) => outcome !== 'complete');

/** Runs a load against a server of these words, on the server's CPU. */
async function load(words: readonly string[], order: Partial<LoadOrder>): Promise<LoadOutcome> {
  const server = await startSimulatorProcess(words);
  if (serverCpu !== undefined) {
    execFileSync('taskset', ['-acp', serverCpu, String(server.pid)], { stdio: 'ignore' });
  }
  const run = (more: Partial<LoadOrder>) =>
    runLoad({
      endpoint: endpointOf(server.url, { timeoutSeconds: 60 }),
      requests: [],
      arrival: { kind: 'closed', concurrency: 32 },
      seed: 1,
      maxSeconds: null,
      maxRequests: null,
      ...more,
    });
  try {
    // Both compile while they run at first.
    await run({ requests: many(100_000, 8), maxSeconds: WARM_UP_SECONDS });
    return await run(order);
  } finally {
    await server.close();
  }
}

function say(what: string, outcome: LoadOutcome): void {
  const { lag, loopDelay, cpuSeconds, seconds } = outcome.generator;
  const chunks = outcome.records.reduce((sum, record) => sum + record.chunks.seconds.length, 0);
  console.log(
    `${what}: ${outcome.records.length} requests and ${chunks} chunks in ${seconds.toFixed(1)} s; ` +
      `lag ${milliseconds(lag!.p50)} (p50) ${milliseconds(lag!.p99)} (p99) ${milliseconds(lag!.max)} (max); ` +
      `loop away ${milliseconds(loopDelay!.p50)} (p50) ${milliseconds(loopDelay!.p99)} (p99); ` +
      `own CPU ${cpuSeconds.toFixed(2)} s, ${((100 * cpuSeconds) / seconds).toFixed(0)} % of one`,
  );
  for (const problem of new Set(failed(outcome).map((record) => record.problem))) console.log(`  ${problem}`);
}

async function openLoop(): Promise<Figure[]> {
  const seconds = 20;
  const outcome = await load(['--ttft=0', '--itl=0'], {
    requests: many(1000 * seconds, 1),
    arrival: { kind: 'open', requestsPerSecond: 1000, shape: 1 },
  });
  say('1,000 requests/s', outcome);
  const { p99 } = outcome.generator.lag!;
  const bad = failed(outcome).length;
  return [
    {
      claim: '1,000 requests/s by an open loop on one CPU are sent in time',
      measured: `lag p99 ${milliseconds(p99)}, ${bad} of ${outcome.records.length} failed`,
      required: 'p99 below 5 ms, none failed',
      holds: p99 < 0.005 && bad === 0,
    },
  ];
}

async function streams(): Promise<Figure[]> {
  const outcome = await load(['--ttft=0.1', '--itl=0.1'], {
    requests: many(4000, 100),
    arrival: { kind: 'closed', concurrency: 2000 },
  });
  say('2,000 streams', outcome);
  const { p99 } = outcome.generator.loopDelay!;
  const bad = failed(outcome).length;
  return [
    {
      claim: '2,000 streams at once of 10 tokens/s each on one CPU',
      measured: `${bad} of ${outcome.records.length} failed, loop away ${milliseconds(p99)} (p99)`,
      required: 'none failed, p99 below 50 ms',
      holds: bad === 0 && p99 < 0.05,
    },
  ];
}

/** Counts words, and takes its time. */
const SLOW: Tokenizer = {
  name: 'slow',
  digest: 'none',
  beginToken: null,
  chat: null,
  size: 1000,
  tokenize(text) {
    const end = performance.now() + (text.length > 20 ? 5 : 0);
    while (performance.now() < end);
    return new Int32Array(text.split(' ').length);
  },
  detokenize: (tokens) => ' it'.repeat(tokens.length),
};

async function offThePath(): Promise<Figure[]> {
  const full = createWriteStream('/dev/full');
  full.on('error', () => {});
  const kinds: Record<string, Partial<LoadOrder>> = {
    plain: {},
    'slow tokenizer': { tokenizer: SLOW },
    'full disk': { onRequest: (exchange) => full.write(`${JSON.stringify(exchange)}\n`) },
  };
  const read: Record<string, { p50: number[]; p99: number[] }> = {};
  for (const name of Object.keys(kinds)) read[name] = { p50: [], p99: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, rest] of Object.entries(kinds)) {
      const { records } = await load(['--ttft=0.02', '--itl=0.005'], {
        requests: many(600, 20),
        arrival: { kind: 'open', requestsPerSecond: 200, shape: 1 },
        ...rest,
      });
      const service = records.map((record) => latenciesOf(record).service.e2e ?? Number.POSITIVE_INFINITY);
      read[name]!.p50.push(quantile(service, 0.5));
      read[name]!.p99.push(quantile(service, 0.99));
    }
  }
  full.destroy();
  return Object.keys(kinds)
    .slice(1)
    .map((name): Figure => {
      const ratio = (what: 'p50' | 'p99') =>
        median(read[name]![what].map((value, i) => value / read.plain![what][i]!));
      const [p50, p99] = [ratio('p50'), ratio('p99')];
      return {
        claim: `a ${name} slows no request`,
        measured: `service latency with it / without: ${p50.toFixed(3)} (p50), ${p99.toFixed(3)} (p99), medians of ${ROUNDS} rounds`,
        required: 'both at most 1.1',
        holds: Math.max(p50, p99) <= 1.1,
      };
    });
}

const [ownCpu, other] = readCpu().allowed;
if (serverCpu === undefined && other !== undefined) {
  // All threads of a process are where it was started, so this one starts itself again.
  const here = fileURLToPath(import.meta.url);
  const words = ['-c', String(ownCpu), process.execPath, ...process.execArgv, here, ...process.argv.slice(2)];
  const env = { ...process.env, [SERVER_CPU]: String(other) };
  process.exitCode = spawnSync('taskset', words, { stdio: 'inherit', env }).status ?? 1;
} else {
  const { requestsPerSecond, chunksPerSecond } = await measureCeiling();
  console.log(
    `of its own CPU time it could do ${requestsPerSecond!.toFixed(0)} requests/s, or ${chunksPerSecond!.toFixed(0)} chunks/s`,
  );
  conclude('loadgen', [...(await openLoop()), ...(await streams()), ...(await offThePath())]);
}
