import { describe, expect, test } from 'vitest';
import { runLoad } from '../../../load/run-load.js';
import { parseOptions } from '../../../load/simulator/options.js';
import { endpointOf, many, withSimulator } from '../../support/simulator.js';

interface ServedUsage {
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

const TIMING = 'h100:vllm:smollm2-360m';

describe('a simulated server that is as fast as a GPU', () => {
  test.each([true, false])('answers every request in full, streaming: %s', async (stream) => {
    await withSimulator({ timing: TIMING }, async ({ url, counters }) => {
      const { records } = await runLoad({
        endpoint: endpointOf(url, { stream }),
        requests: many(24, 12),
        arrival: { kind: 'closed', concurrency: 8 },
        seed: 1,
        maxSeconds: null,
        maxRequests: null,
      });
      expect(records.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 24 }, () => 'complete'));
      expect(records.map(({ outputTokens }) => outputTokens)).toEqual(Array.from({ length: 24 }, () => 12));
      await expect.poll(() => counters.processing + counters.deferred).toBe(0);
      expect(counters).toMatchObject({ answered: 24, outputTokens: 288 });
    });
  });

  test.each(['sglang', 'trtllm'])(
    'has the scheduler and the cache of prompts of its engine: %s',
    async (engine) => {
      await withSimulator({ timing: `h100:${engine}:smollm2-360m` }, async ({ url, counters }) => {
        const prompt = Array.from({ length: 100 }, (_, place) => `word${place}`).join(' ');
        const body = JSON.stringify({ prompt, max_tokens: 3 });
        const cached: number[] = [];
        for (let i = 0; i < 2; i++) {
          const answer = await fetch(`${url}/v1/completions`, { method: 'POST', body });
          const { usage } = (await answer.json()) as { usage: ServedUsage };
          cached.push(usage.prompt_tokens_details.cached_tokens);
        }
        expect(cached[0]).toBe(0);
        // All but the last token, in whole blocks.
        expect(cached[1]).toBeGreaterThanOrEqual(96);
        expect(cached[1]).toBeLessThan(100);
        expect(counters.cachedTokens).toBe(cached[1]);
      });
    },
  );

  test('refuses what the model or its cache has no room for', async () => {
    await withSimulator({ timing: TIMING }, async ({ url }) => {
      const body = JSON.stringify({ prompt: 'a', max_tokens: 100_000_000 });
      const answer = await fetch(`${url}/v1/completions`, { method: 'POST', body });
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('tokens are more than the 8192 of the model');
    });
  });

  test('says what its words lack', async () => {
    expect(await parseOptions(['--timing=h100:vllm:llama-9'])).toContain('--timing: no published model');
    expect(await parseOptions([])).toMatchObject({ timing: null });
  });
});
