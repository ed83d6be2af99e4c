/**
 * bench:peer-clients: does our load generator read of a real server what AIPerf reads? llama-server with the shipped model has one
 * CPU, both clients in turn the other; they send the same texts with the same fields at the same concurrency, each first in
 * every other round, other texts each round, and the server keeps no prompts. Ours counts tokens with the model's tokenizer,
 * AIPerf takes the server's counts.
 *
 * Of median TTFT, ITL per token (AIPerf's ICL), TPOT (AIPerf's ITL), output tokens per second and tokens of all answers, ours over
 * AIPerf's, the median of the rounds lies within 5 % of 1: by completions at concurrency 1 and 4, and by chat at 1.
 *
 * What the server itself says of its time per token is printed beside each: where that moves as the clients' readings do, the
 * server was slower, and no client misread it.
 *
 *   RIDGEPOINT_LLAMA_SERVER=…/llama-server RIDGEPOINT_AIPERF=…/bin/python npm run bench -- peer-clients [--rounds=5]
 */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { summarizeServing, wholeRun } from '../../core/serving/summary.js';
import { median } from '../../core/statistics/quantile.js';
import { openTokenizer } from '../../engines/runners/tokenizer.js';
import { commandLine } from '../../engines/servers/command.js';
import { configuredServers, serversSchema } from '../../engines/servers/config.js';
import { ServerPool } from '../../engines/servers/pool.js';
import type { PlannedRequest } from '../../load/endpoint.js';
import { readPage } from '../../load/inside.js';
import { syntheticRequests } from '../../load/prompts/synthetic.js';
import { runLoad } from '../../load/run-load.js';
import { readCpu } from '../../process/device/cpu.js';
import { modelPath } from '../models/loading.js';
import { endpointOf } from '../support/simulator.js';
import { conclude, type Figure } from './figure.js';
import { aiperf, type Read, type WithMeans } from './peers/aiperf.js';

const program = process.env.RIDGEPOINT_LLAMA_SERVER;
if (program === undefined || process.env.RIDGEPOINT_AIPERF === undefined) {
  console.error(
    'Name llama-server in RIDGEPOINT_LLAMA_SERVER and a Python that has AIPerf in RIDGEPOINT_AIPERF.',
  );
  process.exit(2);
}

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const ROUNDS = Number(options.rounds);
const CASES = [
  { api: 'completions', concurrency: 1, requests: 20 },
  { api: 'completions', concurrency: 4, requests: 40 },
  { api: 'chat', concurrency: 1, requests: 12 },
] as const;
type Case = (typeof CASES)[number];
/** With the words of a chat's template, they fit the 512 tokens that the model was trained on. */
const PROMPT_TOKENS = 256;
/** Answers of different lengths: those of one length end together, and all slots do the same at the same time. */
const OUTPUT_TOKENS = { kind: 'uniform', from: 64, to: 160 } as const;
const CONTEXT_TOKENS = 512;
const SLOTS = 4;
const WITHIN = 0.05;

const tokenizer = (await openTokenizer(modelPath('small')))!;
const [ownCpu, serverCpu = ownCpu] = readCpu().allowed;
const server = configuredServers(serversSchema.parse({ 'llama-server': { command: [program] } }))[0]!;
const { profile } = server;
const body = { ignore_eos: true, temperature: 0 };

const pool = new ServerPool();
const { url, model } = await pool.take(
  'cpu0',
  {
    request: {
      name: server.name,
      command: commandLine(server, {
        options: { threads: 1, maxSequences: SLOTS, maxContext: CONTEXT_TOKENS, prefixCaching: false },
        modelPath: modelPath('small'),
        modelName: 'small',
        adapters: [],
        loras: [],
        draftPath: null,
        cpus: 1,
        deviceClass: 'cpu',
      }),
      environment: {},
      profile,
      model: null,
      apiKey: null,
      deviceId: 'cpu0',
    },
    block: 'bench',
    cpus: [serverCpu!],
    memoryLimitBytes: null,
    cgroupFolder: null,
  },
  () => {},
);
// This process and AIPerf's, which are started from it.
execFileSync('taskset', ['-acp', String(ownCpu), String(process.pid)], { stdio: 'ignore' });

const requestsOf = ({ requests }: Case, seed: number) =>
  syntheticRequests(
    {
      count: requests,
      seed,
      promptTokens: { kind: 'fixed', tokens: PROMPT_TOKENS },
      outputTokens: OUTPUT_TOKENS,
    },
    tokenizer,
  );

async function ours({ api, concurrency }: Case, requests: readonly PlannedRequest[]): Promise<Read> {
  const { records } = await runLoad({
    endpoint: endpointOf(url, { api, model, body, timeoutSeconds: 60 }),
    requests,
    arrival: { kind: 'closed', concurrency },
    seed: 1,
    maxSeconds: null,
    maxRequests: null,
    tokenizer,
  });
  const bad = records.find(({ outcome, problem }) => outcome !== 'complete' || problem !== null);
  if (bad !== undefined) throw new Error(`a request of ours failed: ${bad.problem}`);
  const { latencies, throughput } = summarizeServing(records, wholeRun(records)!, null);
  return {
    TTFT: latencies.service.ttft.p50.value!,
    ITL: latencies.tpot.p50.value!,
    gap: latencies.itlPerToken.p50.value!,
    outputTokens: records.reduce((sum, { outputTokens }) => sum + outputTokens!, 0),
    outputTokensPerSecond: throughput.outputTokensPerSecond!,
  };
}

const withoutMeans = ({ means: _means, ...read }: WithMeans): Read => read;

const clients = {
  ours,
  aiperf: async ({ api, concurrency }: Case, requests: readonly PlannedRequest[]): Promise<Read> =>
    withoutMeans((await aiperf({ url, model, api, concurrency, requests, body }))!),
};

/** What the server says of itself, summed since its start: seconds for prompts and for answers, and tokens of answers. */
async function serverTotals() {
  const page = readPage(await (await fetch(new URL(profile.paths.metrics!, url))).text());
  const total = (name: string) => page.get(`llamacpp:${name}`)!;
  return {
    prompts: total('prompt_seconds_total'),
    answers: total('tokens_predicted_seconds_total'),
    tokens: total('tokens_predicted_total'),
  };
}

/** What a client reads, and what the server says of the same requests. */
async function beside(read: () => Promise<Read>, count: number) {
  const before = await serverTotals();
  const values = await read();
  const after = await serverTotals();
  return {
    ...values,
    serverPrompt: (after.prompts - before.prompts) / count,
    serverToken: (after.answers - before.answers) / (after.tokens - before.tokens),
  };
}

type Beside = Awaited<ReturnType<typeof beside>>;
const ms = (seconds: number) => `${(1000 * seconds).toFixed(2)} ms`;

async function round(one: Case, index: number): Promise<{ readonly ours: Beside; readonly aiperf: Beside }> {
  const requests = requestsOf(one, 1 + index);
  const read: Partial<Record<'ours' | 'aiperf', Beside>> = {};
  const order = index % 2 === 0 ? (['ours', 'aiperf'] as const) : (['aiperf', 'ours'] as const);
  for (const client of order) {
    const load = loadavg()[0]!.toFixed(1);
    const values = await beside(() => clients[client](one, requests), requests.length);
    read[client] = values;
    console.log(
      `${one.api} ${one.concurrency}, round ${index + 1}, ${client} (load ${load}): TTFT ${ms(values.TTFT)}, ` +
        `ITL per token ${ms(values.gap)}, TPOT ${ms(values.ITL)}, ${values.outputTokens} tokens, ` +
        `${values.outputTokensPerSecond.toFixed(1)} tokens/s; the server says ${ms(values.serverPrompt)} per prompt, ` +
        `${ms(values.serverToken)} per token`,
    );
  }
  return { ours: read.ours!, aiperf: read.aiperf! };
}

const QUANTITIES = {
  TTFT: 'TTFT (p50)',
  gap: 'ITL per token (p50)',
  ITL: 'TPOT (p50)',
  outputTokensPerSecond: 'output tokens/s',
  outputTokens: 'tokens of all answers',
} as const;

/** What the server itself says of the same. */
const SERVER_SAYS = { TTFT: 'serverPrompt', gap: 'serverToken', ITL: 'serverToken' } as const;

/** Figures of one case, from its rounds. */
function compare({ api, concurrency }: Case, rounds: readonly Awaited<ReturnType<typeof round>>[]): Figure[] {
  const ratios = (name: keyof Beside) => rounds.map((read) => read.ours[name] / read.aiperf[name]);
  const where = `${api}, concurrency ${concurrency}`;
  const said = (values: readonly number[]) =>
    `${median(values).toFixed(3)} (${values.map((value) => value.toFixed(3)).join(', ')})`;
  console.log(
    `${where}, ours / AIPerf by the server's own words: ${said(ratios('serverPrompt'))} per prompt, ` +
      `${said(ratios('serverToken'))} per token`,
  );
  for (const [name, own] of Object.entries(SERVER_SAYS) as [keyof typeof SERVER_SAYS, keyof Beside][]) {
    const server = ratios(own);
    const left = ratios(name).map((ratio, i) => ratio / server[i]!);
    console.log(`${where}, ${QUANTITIES[name]}, ratio over the server's own: ${said(left)}`);
  }
  return (Object.keys(QUANTITIES) as (keyof typeof QUANTITIES)[]).map((name) => ({
    claim: `${QUANTITIES[name]}, ${where}: ours / AIPerf`,
    measured: said(ratios(name)),
    required: 'within 5 % of 1',
    holds: Math.abs(median(ratios(name)) - 1) <= WITHIN,
  }));
}

try {
  // The server's first requests are slower, and so is code of ours that runs for the first time.
  await ours(CASES[0], requestsOf(CASES[0], 1_000_000));
  const read = new Map<Case, Awaited<ReturnType<typeof round>>[]>(CASES.map((one) => [one, []]));
  for (let index = 0; index < ROUNDS; index++) {
    for (const [one, rounds] of read) rounds.push(await round(one, index));
  }
  conclude(
    'peer-clients',
    [...read].flatMap(([one, rounds]) => compare(one, rounds)),
  );
} finally {
  await pool.close();
}
