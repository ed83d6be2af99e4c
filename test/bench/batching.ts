/**
 * Continuous batching on the simulated clock, at the size of a day's requests: how many seconds of CPU a
 * million requests take, and how far steps that are timed together are from each for itself.
 *
 *   npm run bench -- batching [--requests=1000000]
 */
import { availableParallelism } from 'node:os';
import { loadOf } from '../../batching/load.js';
import { predictedServer } from '../../batching/predicted-server.js';
import { summaryOf } from '../../batching/run.js';
import { SIMULATION_BOUNDS, simulateBatching } from '../../batching/simulate.js';
import { serving } from '../../core/workloads/serving.js';
import { servedFormats } from '../../roofline/analysis/bits.js';
import { namedArchitecture } from '../../roofline/configs/index.js';
import { requireHardware } from '../../roofline/hardware/catalogue.js';
import { readEngine } from '../../roofline/step/engines.js';
import { conclude, type Figure } from './figure.js';

const argument = (name: string, otherwise: number): number =>
  Number(process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
const REQUESTS = argument('requests', 1_000_000);
const MOST_SECONDS = 60;
const ENGINES = ['vllm', 'sglang', 'trtllm'];

function serverOf(engine: string) {
  const reading = namedArchitecture('llama-3.1-8b');
  const device = requireHardware('h100');
  if (!reading.ok) throw new Error(reading.reason);
  const found = predictedServer({
    architecture: reading.architecture,
    formats: servedFormats('native')!,
    device,
    memoryBytes: device.memoryBytes!.value,
    ...readEngine(engine)!,
    parallelism: { tensor: 1, pipeline: 1, expert: 1 },
    replicas: 1,
    flags: {},
    memoryShare: null,
    host: null,
    own: null,
  });
  if (!('server' in found)) throw new Error(found.join('; '));
  return found.server;
}

function loadWith(requests: number, own: object = {}) {
  const options = { inputTokens: 512, outputTokens: 128, concurrency: 64, requests, ...own };
  const load = loadOf(serving.options.parse(options), null);
  if (typeof load === 'string') throw new Error(load);
  return load;
}

const cpuSeconds = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;

function speed(engine: string): Figure {
  const server = serverOf(engine);
  const load = loadWith(REQUESTS);
  const [from, began] = [cpuSeconds(), performance.now()];
  const run = simulateBatching(load, server);
  const { complete, ttft, tpot } = summaryOf(run);
  const seconds = cpuSeconds() - from;
  const wall = (performance.now() - began) / 1000;
  console.log(
    `${engine}: ${complete} requests, ${run.steps} steps, ${run.seconds.toFixed(0)} s simulated in ${seconds.toFixed(1)} s of CPU (${wall.toFixed(1)} s by the clock, ${availableParallelism()} CPUs); TTFT ${(1000 * ttft.mean).toFixed(1)} ms, TPOT ${(1000 * tpot.mean).toFixed(2)} ms`,
  );
  return {
    claim: `${REQUESTS} requests (512 in, 128 out, 64 at once) on an H100 with ${engine}`,
    measured: `${seconds.toFixed(1)} s of CPU`,
    required: `at most ${MOST_SECONDS} s on one core`,
    holds: seconds <= MOST_SECONDS && complete === REQUESTS,
  };
}

/** Loads of lengths that differ, so that runs of steps end everywhere. */
function together(engine: string): Figure {
  const server = serverOf(engine);
  const load = loadWith(1000, {
    inputTokens: 'uniform:32..2048',
    outputTokens: 'uniform:16..2048',
    concurrency: 16,
  });
  const [one, other] = [false, true].map((stepByStep) =>
    summaryOf(simulateBatching(load, server, SIMULATION_BOUNDS, { stepByStep })),
  );
  const apart = (['ttft', 'tpot', 'endToEnd'] as const).flatMap((latency) =>
    (['mean', 'p50', 'p99'] as const).map((of) => Math.abs(one![latency][of] / other![latency][of] - 1)),
  );
  const most = Math.max(...apart);
  return {
    claim: `steps that are timed together and each for itself, ${engine}: mean, p50 and p99 of TTFT, TPOT and end-to-end`,
    measured: `at most ${(100 * most).toPrecision(2)} % apart`,
    required: 'at most 0.5 %',
    holds: most <= 0.005,
  };
}

conclude('batching', [...ENGINES.map(speed), ...ENGINES.map(together)]);
