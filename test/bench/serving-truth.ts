/**
 * bench:serving-truth: does the load generator read what is known? A simulated server has known times and
 * chunks of 1, 2 and 4 tokens; latencies are read by the definitions of records, tokens counted by the
 * shipped model's tokenizer:
 *
 *   1. the medians of TTFT, of time per output token and of ITL per token lie within 1 % of the truth, for
 *     each size of chunk
 *   2. a server that stands still for 3 s shows in the 99th percentile of scheduled latency, and not in that
 *     of service latency, where requests wait for others to end
 *
 * AIPerf measures the same server where RIDGEPOINT_AIPERF names a Python that has it; its errors are printed
 * beside ours and are no claim.
 *
 *   [RIDGEPOINT_AIPERF=…/bin/python] npm run bench -- serving-truth
 */

import { interTokenLatencies, latenciesOf } from '../../core/serving/latencies.js';
import type { RequestRecord } from '../../core/serving/requests.js';
import { openTokenizer } from '../../engines/runners/tokenizer.js';
import { syntheticRequests } from '../../load/prompts/synthetic.js';
import { type LoadOrder, runLoad } from '../../load/run-load.js';
import { startSimulatorProcess } from '../../load/simulator/process.js';
import { median, quantile } from '../../statistics/quantile.js';
import { mean } from '../../statistics/summary.js';
import { modelPath } from '../models/loading.js';
import { endpointOf } from '../support/simulator.js';
import { conclude, type Figure } from './figure.js';
import { aiperf } from './peers/aiperf.js';

const TTFT = 0.2;
const ITL = 0.02;
const TOKENS = 65;
const REQUESTS = 80;
const CONCURRENCY = 8;
const STALL_SECONDS = 3;

const tokenizer = (await openTokenizer(modelPath('small')))!;
const requests = (count: number, outputTokens: number) =>
  syntheticRequests(
    {
      count,
      seed: 1,
      salt: 'bench',
      promptTokens: { kind: 'fixed', tokens: 32 },
      outputTokens: { kind: 'fixed', tokens: outputTokens },
    },
    tokenizer,
  );

async function load(words: readonly string[], order: Partial<LoadOrder>): Promise<readonly RequestRecord[]> {
  const server = await startSimulatorProcess(words);
  try {
    const { records } = await runLoad({
      endpoint: endpointOf(server.url, { timeoutSeconds: 60 }),
      requests: [],
      arrival: { kind: 'closed', concurrency: CONCURRENCY },
      seed: 1,
      maxSeconds: null,
      maxRequests: null,
      tokenizer,
      ...order,
    });
    const bad = records.find(({ outcome }) => outcome !== 'complete');
    if (bad !== undefined) throw new Error(`a request failed: ${bad.problem}`);
    return records;
  } finally {
    await server.close();
  }
}

const percent = (ratio: number) => `${(100 * ratio).toFixed(2)} %`;

async function truth(chunk: number): Promise<Figure[]> {
  const words = [`--ttft=${TTFT}`, `--itl=${ITL}`, `--chunk-tokens=${chunk}`];
  const records = await load(words, { requests: requests(REQUESTS, TOKENS) });
  const latencies = records.map(latenciesOf);
  const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
  const read = {
    TTFT: [median(known(latencies.map(({ service }) => service.ttft))), TTFT],
    TPOT: [median(known(latencies.map(({ tpot }) => tpot))), ITL],
    ITL: [median([...interTokenLatencies(records).perToken]), ITL],
    tokens: [mean(known(records.map(({ outputTokens }) => outputTokens))), TOKENS],
  } as const;
  const peer = await beside(words);
  if (peer !== null) {
    const [ttft, itl] = [percent(peer.TTFT / TTFT - 1), percent(peer.ITL / ITL - 1)];
    console.log(`AIPerf, chunks of ${chunk}: error of the median of TTFT ${ttft}, of ITL ${itl}`);
  }
  return Object.entries(read).map(([name, [value, real]]) => ({
    claim: `${name}, chunks of ${chunk} ${chunk === 1 ? 'token' : 'tokens'}`,
    measured: `error ${percent(value / real - 1)} (${value.toPrecision(5)} against ${real})`,
    required: 'within 1 %',
    holds: Math.abs(value / real - 1) <= 0.01,
  }));
}

async function beside(words: readonly string[]) {
  const server = await startSimulatorProcess(words);
  try {
    return await aiperf({
      url: server.url,
      model: 'simulated',
      api: 'completions',
      concurrency: CONCURRENCY,
      requests: { count: REQUESTS, promptTokens: 32, outputTokens: TOKENS },
    });
  } finally {
    await server.close();
  }
}

async function stall(): Promise<Figure[]> {
  const records = await load(['--ttft=0.05', '--itl=0.01', '--stall-at=10', `--stall-for=${STALL_SECONDS}`], {
    requests: requests(1600, 10),
    arrival: { kind: 'open', requestsPerSecond: 50, shape: 1 },
    maxConcurrency: 12,
    tokenizer: null,
  });
  const p99 = (start: 'scheduled' | 'service') =>
    quantile(
      records.map((record) => latenciesOf(record)[start].e2e!),
      0.99,
    );
  const [scheduled, service] = [p99('scheduled'), p99('service')];
  return [
    {
      claim: `a stall of ${STALL_SECONDS} s shows in scheduled latency and not in service latency`,
      measured: `p99 ${scheduled.toFixed(2)} s scheduled, ${service.toFixed(2)} s service, of ${records.length} requests`,
      required: `above ${STALL_SECONDS / 2} s and below 0.5 s`,
      holds: scheduled > STALL_SECONDS / 2 && service < 0.5,
    },
  ];
}

const figures: Figure[] = [];
for (const chunk of [1, 2, 4]) figures.push(...(await truth(chunk)));
conclude('serving-truth', [...figures, ...(await stall())]);
