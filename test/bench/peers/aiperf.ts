import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedRequest } from '../../../load/endpoint.js';

/** What is asked of a server at a known address. */
export interface Asked {
  readonly url: string;
  /** What the server calls it. */
  readonly model: string;
  readonly api: 'chat' | 'completions';
  readonly concurrency: number;
  /** Starts of requests by Poisson, in place of a closed loop. */
  readonly requestsPerSecond?: number;
  /**
   * Connections are used again. llama-server closes each after its stream, and with pooled ones a request
   * failed now and then.
   */
  readonly pooled?: boolean;
  /**
   * Texts to send in their order, or how many AIPerf shall make up, and how long; of its own answers it
   * counts the tokens itself.
   */
  readonly requests:
    | readonly PlannedRequest[]
    | { readonly count: number; readonly promptTokens: number; readonly outputTokens: number };
  /** Fields of every request. */
  readonly body?: Readonly<Record<string, string | number | boolean>>;
}

/** What AIPerf read: medians in seconds. */
export interface Read {
  readonly TTFT: number;
  /** Of requests: their time per output token. */
  readonly ITL: number;
  /** Of all gaps between chunks (ICL). */
  readonly gap: number;
  readonly outputTokens: number;
  readonly outputTokensPerSecond: number;
}

export interface WithMeans extends Read {
  /** Over requests, in seconds. */
  readonly means: Pick<Read, 'TTFT' | 'ITL'>;
}

/** Words of the simulated server's answers: one token each for it, as they are for us. */
const WORDS = '[UNK] the of and to in is that it was for'.split(' ');

/** @returns null = RIDGEPOINT_AIPERF names no Python. @throws Error when a request failed. */
export async function aiperf(asked: Asked): Promise<WithMeans | null> {
  const python = process.env.RIDGEPOINT_AIPERF;
  if (python === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-aiperf-'));
  try {
    writeTokenizer(folder);
    const { url, model, api, concurrency, requestsPerSecond, pooled = false, body = {} } = asked;
    const words = [
      ...`-m aiperf profile -m ${model} --url ${url} --endpoint-type ${api} --streaming --ui none`.split(' '),
      ...`--concurrency ${concurrency} --no-gpu-telemetry --no-server-metrics`.split(' '),
      ...(requestsPerSecond === undefined
        ? []
        : `--request-rate ${requestsPerSecond} --arrival-pattern poisson`.split(' ')),
      ...requestWords(asked.requests, folder, pooled),
      ...Object.entries(body).flatMap(([key, value]) => ['--extra-inputs', `${key}:${value}`]),
      ...['--tokenizer', folder, '--artifact-dir', join(folder, 'out')],
    ];
    const [code] = await once(spawn(python, words, { stdio: 'ignore' }), 'exit');
    if (code !== 0) throw new Error(`AIPerf ended with ${code}`);
    const said = JSON.parse(readFileSync(join(folder, 'out/profile_export_aiperf.json'), 'utf8'));
    const failed = said.error_request_count?.avg ?? 0;
    if (failed > 0)
      throw new Error(`${failed} requests of AIPerf failed: ${JSON.stringify(said.error_summary)}`);
    return {
      TTFT: said.time_to_first_token.p50 / 1000,
      ITL: said.inter_token_latency.p50 / 1000,
      gap: said.inter_chunk_latency.p50 / 1000,
      outputTokens: said.total_osl.avg,
      outputTokensPerSecond: said.output_token_throughput.avg,
      means: { TTFT: said.time_to_first_token.avg / 1000, ITL: said.inter_token_latency.avg / 1000 },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function requestWords(requests: Asked['requests'], folder: string, pooled: boolean): string[] {
  if ('promptTokens' in requests) {
    const { count, promptTokens, outputTokens } = requests;
    return `--request-count ${count} --isl ${promptTokens} --osl ${outputTokens}`.split(' ');
  }
  const file = join(folder, 'requests.jsonl');
  const line = ({ prompt, wantedTokens }: PlannedRequest) =>
    JSON.stringify({ text: prompt, output_length: wantedTokens });
  writeFileSync(file, requests.map(line).join('\n'));
  // The words below are no tokenizer of a real model: the server's counts are taken.
  return [
    ...['--connection-reuse-strategy', pooled ? 'pooled' : 'never'],
    ...['--request-count', String(requests.length), '--input-file', file, '--use-server-token-count'],
    ...['--custom-dataset-type', 'single-turn', '--dataset-sampling-strategy', 'sequential'],
  ];
}

/** A tokenizer of words, for there is none that needs no network. */
function writeTokenizer(folder: string): void {
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(WORDS.map((word, i) => [word, i])),
      unk_token: WORDS[0],
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    unk_token: WORDS[0],
    model_max_length: 100_000,
  };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
}
