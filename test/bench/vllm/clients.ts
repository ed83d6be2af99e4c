import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROFILES } from '../../../core/runners/server/index.js';
import { latenciesOf } from '../../../core/serving/latencies.js';
import type { Arrival } from '../../../core/serving/requests.js';
import { summarizeServing, wholeRun } from '../../../core/serving/summary.js';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { PlannedRequest } from '../../../load/endpoint.js';
import { type LoadOutcome, runLoad } from '../../../load/run-load.js';
import { endpointOf } from '../../support/simulator.js';
import { aiperf } from '../peers/aiperf.js';
import { modelFolder, type Place } from './server.js';

/** What a client reads of a load; means over its requests, in seconds. */
export interface Read {
  readonly requests: number;
  readonly promptTokens: number | null;
  readonly outputTokens: number;
  readonly ttft: number;
  readonly tpot: number;
  readonly tokensPerSecond: number;
}

export interface LoadAsked {
  readonly place: Place;
  readonly url: string;
  readonly arrival: Arrival;
  readonly requests: readonly PlannedRequest[];
  readonly tokenizer: Tokenizer;
}

const TIMEOUT_SECONDS = 600;
const { exactLength, streamOptions } = PROFILES.vllm;

export async function load({
  url,
  arrival,
  requests,
  tokenizer,
}: Omit<LoadAsked, 'place'>): Promise<LoadOutcome> {
  return await runLoad({
    endpoint: endpointOf(url, {
      model: 'small',
      streamOptions,
      body: { temperature: 0, ...exactLength },
      timeoutSeconds: TIMEOUT_SECONDS,
    }),
    requests,
    arrival,
    seed: 7,
    maxSeconds: null,
    maxRequests: null,
    tokenizer,
  });
}

/**
 * Ours, as a trial sends it.
 * @throws Error when a request failed, or another than the server's count was taken.
 */
export async function ours(asked: LoadAsked): Promise<Read> {
  const { records, outputTokensBy } = await load(asked);
  const bad = records.find(({ outcome, problem }) => outcome !== 'complete' || problem !== null);
  if (bad !== undefined) throw new Error(`a request of ours failed: ${bad.problem}`);
  if (outputTokensBy !== 'chunks') throw new Error(`tokens were counted by ${outputTokensBy}`);
  const { latencies, throughput } = summarizeServing(records, wholeRun(records)!);
  const sum = (values: readonly (number | null)[]) => values.reduce<number>((a, b) => a + (b ?? 0), 0);
  return {
    requests: records.length,
    promptTokens: sum(records.map(({ promptTokens }) => promptTokens)),
    outputTokens: sum(records.map(({ outputTokens }) => outputTokens)),
    ttft: sum(records.map((record) => latenciesOf(record).service.ttft)) / records.length,
    tpot: latencies.tpot.mean!,
    tokensPerSecond: throughput.outputTokensPerSecond!,
  };
}

/** AIPerf 0.13; null = RIDGEPOINT_AIPERF names no Python that has it. */
export async function byAiperf({ url, arrival, requests }: LoadAsked): Promise<Read | null> {
  const concurrency = arrival.kind === 'closed' ? arrival.concurrency : requests.length;
  const read = await aiperf({
    url,
    model: 'small',
    api: 'completions',
    concurrency,
    requests,
    ...(arrival.kind === 'open' && { requestsPerSecond: arrival.requestsPerSecond }),
    pooled: true,
    body: { ignore_eos: true, temperature: 0 },
  });
  if (read === null) return null;
  const { means, outputTokens, outputTokensPerSecond } = read;
  return {
    requests: requests.length,
    promptTokens: null,
    outputTokens,
    ttft: means.TTFT,
    tpot: means.ITL,
    tokensPerSecond: outputTokensPerSecond,
  };
}

/**
 * `vllm bench serve` of the same installation; null = it lacks what that needs (pandas).
 * @throws Error when it fails.
 */
export async function byVllmBench({ place, url, arrival, requests }: LoadAsked): Promise<Read | null> {
  const file = join(place.folder, 'bench-requests.jsonl');
  const lines = requests.map(({ prompt, wantedTokens }) =>
    JSON.stringify({ prompt, output_tokens: wantedTokens }),
  );
  writeFileSync(file, lines.join('\n'));
  const rate =
    arrival.kind === 'open'
      ? ['--request-rate', String(arrival.requestsPerSecond)]
      : arrival.kind === 'closed'
        ? ['--max-concurrency', String(arrival.concurrency)]
        : [];
  const words = [
    ...`bench serve --backend vllm --base-url ${url} --model small --tokenizer ${modelFolder(place)}`.split(
      ' ',
    ),
    ...`--dataset-name custom --dataset-path ${file} --custom-output-len -1 --skip-chat-template`.split(' '),
    ...`--disable-shuffle --num-prompts ${requests.length} --ignore-eos --temperature 0`.split(' '),
    ...`--ready-check-timeout-sec 0 --save-result --result-dir ${place.folder} --result-filename bench.json`.split(
      ' ',
    ),
    ...['--disable-tqdm', ...rate],
  ];
  const env = { ...process.env, HF_HUB_OFFLINE: '1', CUDA_VISIBLE_DEVICES: '' };
  const child = spawn(place.vllm, words, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text).slice(-2000);
  });
  const [code] = await once(child, 'exit');
  if (said.includes('Please install vllm[bench]')) return null;
  if (code !== 0) throw new Error(`vllm bench serve ended with ${code}: ${said}`);
  const read = JSON.parse(readFileSync(join(place.folder, 'bench.json'), 'utf8'));
  return {
    requests: read.completed,
    promptTokens: read.total_input_tokens,
    outputTokens: read.total_output_tokens,
    ttft: read.mean_ttft_ms / 1000,
    tpot: read.mean_tpot_ms / 1000,
    tokensPerSecond: read.output_throughput,
  };
}
