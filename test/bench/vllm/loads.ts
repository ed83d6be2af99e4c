import type { Arrival } from '../../../core/serving/requests.js';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { Served } from '../../../engines/servers/pool.js';
import type { PlannedRequest } from '../../../load/endpoint.js';
import { syntheticRequests } from '../../../load/prompts/synthetic.js';
import { median } from '../../../statistics/quantile.js';
import type { Figure } from '../figure.js';
import { byAiperf, byVllmBench, type LoadAsked, ours, type Read } from './clients.js';
import { type Judged, judged } from './referee.js';
import type { Place } from './server.js';

export interface Load {
  readonly name: string;
  readonly arrival: Arrival;
  readonly requests: number;
}
export const LOADS: readonly Load[] = [
  { name: 'one at a time', arrival: { kind: 'closed', concurrency: 1 }, requests: 10 },
  { name: 'four at a time', arrival: { kind: 'closed', concurrency: 4 }, requests: 32 },
  { name: 'Poisson, 2/s', arrival: { kind: 'open', requestsPerSecond: 2, shape: 1 }, requests: 24 },
  { name: 'all at once', arrival: { kind: 'offline' }, requests: 16 },
];
const LONGEST_TTFT_DIFFERENCE_SECONDS = 0.01;
const TPOT_WITHIN = 0.02;
const NO_SLOWER = 0.97;

const clients = { ours, AIPerf: byAiperf, 'vllm bench serve': byVllmBench };
type Client = keyof typeof clients;
const NAMES = Object.keys(clients) as Client[];

function requestsOf(tokenizer: Tokenizer, count: number, seed: number): readonly PlannedRequest[] {
  return syntheticRequests(
    {
      count,
      seed,
      salt: 'bench',
      promptTokens: { kind: 'uniform', from: 64, to: 128 },
      outputTokens: { kind: 'uniform', from: 24, to: 64 },
      // Half of a prompt is one that the server may know.
      sharedPrefix: 0.5,
    },
    tokenizer,
  );
}

interface Beside {
  readonly read: Read;
  readonly said: Judged;
}

const ms = (seconds: number) => `${(1000 * seconds).toFixed(2)} ms`;

function line(client: string, { read, said }: Beside): string {
  const difference = read.ttft - said.ttft;
  return (
    `  ${client.padEnd(16)} TTFT ${ms(read.ttft)} (the server ${ms(said.ttft)}, ${difference < 0 ? '' : '+'}${ms(difference)}), ` +
    `TPOT ${ms(read.tpot)} (${ms(said.tpot)}, ${(100 * (read.tpot / said.tpot - 1)).toFixed(2)} %), ` +
    `${read.outputTokens} tokens (${said.outputTokens}), ${read.tokensPerSecond.toFixed(1)} tokens/s; ITL in the server ${ms(said.itl)}`
  );
}

/**
 * Figures of one load: counters and tokens exact, latencies as the server's own histograms have them; AIPerf
 * and vLLM's own client are printed beside.
 */
async function figuresOf(caching: string, load: Load, asked: LoadAsked): Promise<Figure[]> {
  const where = `${load.name}, prefix caching ${caching}`;
  console.log(where);
  let own: Beside | null = null;
  for (const name of NAMES) {
    const { read, said } = await judged(asked.url, async () => await clients[name](asked));
    if (read === null) {
      console.log(`  ${name} is not here`);
      continue;
    }
    console.log(line(name, { read, said }));
    if (name === 'ours') own = { read, said };
  }
  const { read, said } = own!;
  const counts = [read.requests, read.promptTokens, read.outputTokens].join(' / ');
  const server = [said.requests, said.promptTokens, said.outputTokens].join(' / ');
  const wanted = asked.requests.reduce((sum, { wantedTokens }) => sum + wantedTokens!, 0);
  const ratio = read.tpot / said.tpot - 1;
  return [
    {
      claim: `requests / prompt tokens / output tokens, ${where}`,
      measured: `${counts}, the server ${server}, asked for ${wanted}`,
      required: 'equal',
      holds: counts === server && read.outputTokens === wanted,
    },
    {
      claim: `TTFT, ours less the server's, ${where}`,
      measured: ms(read.ttft - said.ttft),
      required: 'within 10 ms',
      holds: Math.abs(read.ttft - said.ttft) <= LONGEST_TTFT_DIFFERENCE_SECONDS,
    },
    {
      claim: `TPOT, ours over the server's, ${where}`,
      measured: `${(100 * ratio).toFixed(2)} %`,
      required: 'within 2 %',
      holds: Math.abs(ratio) <= TPOT_WITHIN,
    },
  ];
}

/** Every load once, each with words of its own. */
export async function loads(
  place: Place,
  { url }: Served,
  tokenizer: Tokenizer,
  caching: string,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [i, load] of LOADS.entries()) {
    const requests = requestsOf(tokenizer, load.requests, 100 + i);
    const asked = { place, url, arrival: load.arrival, requests, tokenizer };
    // The first of a kind is slower.
    await ours({ ...asked, requests: requestsOf(tokenizer, 4, 1000 + i) });
    figures.push(...(await figuresOf(caching, load, asked)));
  }
  return figures;
}

/** Tokens per second under each client in turn, each first in every third round. */
export async function cost(
  place: Place,
  { url }: Served,
  tokenizer: Tokenizer,
  rounds: number,
): Promise<Figure[]> {
  const seen = new Map<Client, number[]>(NAMES.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const requests = requestsOf(tokenizer, 32, 500 + round);
    const asked = { place, url, arrival: { kind: 'closed', concurrency: 4 } as const, requests, tokenizer };
    for (const name of [...NAMES.slice(round % NAMES.length), ...NAMES.slice(0, round % NAMES.length)]) {
      const { read, said } = await judged(url, async () => await clients[name](asked));
      if (read === null) continue;
      seen.get(name)!.push(read.tokensPerSecond);
      console.log(line(name, { read, said }));
    }
  }
  const own = seen.get('ours')!;
  return NAMES.filter((name) => name !== 'ours' && seen.get(name)!.length === rounds).map((name) => {
    const ratios = own.map((value, i) => value / seen.get(name)![i]!);
    const middle = median(ratios);
    return {
      claim: `tokens/s of the server under ours over those under ${name}, four at a time`,
      measured: `${middle.toFixed(3)} (${ratios.map((ratio) => ratio.toFixed(3)).join(', ')}; ours ${median(own).toFixed(0)}, ${median(seen.get(name)!).toFixed(0)} under ${name})`,
      required: `at least ${NO_SLOWER}`,
      holds: middle >= NO_SLOWER,
    };
  });
}

/** Outside of timed windows vLLM is asked for the ids: as many as it counted, and as we counted. */
export async function tokens({ url }: Served, tokenizer: Tokenizer): Promise<Figure[]> {
  const requests = requestsOf(tokenizer, 6, 77);
  let [ids, counted] = [0, 0];
  for (const { prompt, wantedTokens } of requests) {
    const answer = await fetch(new URL('/v1/completions', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'small',
        prompt,
        max_tokens: wantedTokens,
        temperature: 0,
        ignore_eos: true,
        min_tokens: wantedTokens,
        return_token_ids: true,
      }),
    });
    const said = (await answer.json()) as { choices: [{ token_ids: number[] }] };
    ids += said.choices[0].token_ids.length;
  }
  const arrival = { kind: 'closed', concurrency: 1 } as const;
  counted = (await ours({ place: { folder: '', vllm: '' }, url, arrival, requests, tokenizer })).outputTokens;
  return [
    {
      claim: 'tokens of the same answers, by their ids and as counted from the stream',
      measured: `${ids} and ${counted}`,
      required: 'equal',
      holds: ids === counted,
    },
  ];
}
