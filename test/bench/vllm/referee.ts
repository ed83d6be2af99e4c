import { setTimeout as sleep } from 'node:timers/promises';
import { readPage } from '../../../load/inside.js';

/** What vLLM's own histograms and counters say of the requests between two readings; means in seconds. */
export interface Judged {
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly ttft: number;
  readonly tpot: number;
  /** From token to token, of the engine's steps. */
  readonly itl: number;
}

const SETTLED_READINGS = 2;

/** Metrics once they stand still: a step may be counted after its answer is here. */
async function settled(url: string): Promise<ReadonlyMap<string, number>> {
  let [before, same] = ['', 0];
  for (;;) {
    const page = readPage(await (await fetch(new URL('/metrics', url))).text());
    const tokens = `${page.get('vllm:generation_tokens_total')} ${page.get('vllm:request_success_total')}`;
    same = tokens === before && page.get('vllm:num_requests_running') === 0 ? same + 1 : 0;
    before = tokens;
    if (same >= SETTLED_READINGS) return page;
    await sleep(200);
  }
}

/** Does something with a server, and says what the server says of it. */
export async function judged<T>(url: string, act: () => Promise<T>): Promise<{ read: T; said: Judged }> {
  const before = await settled(url);
  const read = await act();
  const after = await settled(url);
  const growth = (name: string) => (after.get(`vllm:${name}`) ?? 0) - (before.get(`vllm:${name}`) ?? 0);
  const mean = (name: string) => growth(`${name}_sum`) / growth(`${name}_count`);
  return {
    read,
    said: {
      requests: growth('request_success_total'),
      promptTokens: growth('prompt_tokens_total'),
      outputTokens: growth('generation_tokens_total'),
      ttft: mean('time_to_first_token_seconds'),
      tpot: mean('request_time_per_output_token_seconds'),
      itl: mean('inter_token_latency_seconds'),
    },
  };
}
