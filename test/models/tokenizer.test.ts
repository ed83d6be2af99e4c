import { describe, expect, test } from 'vitest';
import { openTokenizer } from '../../engines/runners/tokenizer.js';
import { datasetRequests } from '../../load/prompts/dataset.js';
import { syntheticRequests } from '../../load/prompts/synthetic.js';
import { traceRequests } from '../../load/prompts/trace.js';
import { runLoad } from '../../load/run-load.js';
import { endpointOf, withSimulator } from '../support/simulator.js';
import { modelPath } from './loading.js';

const tokenizer = (await openTokenizer(modelPath('small')))!;
const tokensOf = (text: string) => tokenizer.tokenize(text).length;

describe("a model's own tokenizer", () => {
  test('is known by its vocabulary', () => {
    expect(tokenizer.name).toMatch(/^llama of llama\.cpp /);
    expect(tokenizer.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(tokenizer.size).toBe(4096);
    expect(tokenizer.detokenize(tokenizer.tokenize('The king said, "no".'))).toBe('The king said, "no".');
  });

  test('makes prompts of exactly so many tokens, the same for a seed, with a beginning that is shared', () => {
    const order = {
      count: 40,
      seed: 3,
      salt: 'a',
      promptTokens: { kind: 'uniform', from: 1, to: 300 },
      outputTokens: { kind: 'fixed', tokens: 8 },
      sharedPrefix: 0.5,
    } as const;
    const requests = syntheticRequests(order, tokenizer);
    for (const { prompt, promptTokens } of requests) expect(tokensOf(prompt as string)).toBe(promptTokens);
    expect(Math.min(...requests.map(({ promptTokens }) => promptTokens!))).toBeLessThan(50);
    expect(syntheticRequests(order, tokenizer)).toEqual(requests);
    const others = syntheticRequests({ ...order, salt: 'b' }, tokenizer);
    expect(others.map(({ prompt }) => prompt)).not.toEqual(requests.map(({ prompt }) => prompt));
    const [longest, next] = requests
      .map(({ prompt }) => prompt as string)
      .sort((a, b) => b.length - a.length);
    const shared = [...longest!].findIndex((letter, i) => letter !== next![i]);
    expect(tokensOf(longest!.slice(0, shared))).toBeGreaterThan(0.45 * tokensOf(next!));
    expect(tokensOf(longest!.slice(0, shared))).toBeLessThan(0.6 * tokensOf(next!));
  });

  test('makes prompts of traces, where the same block is the same text', () => {
    const line = (timestamp: number, input_length: number, hash_ids: number[]) =>
      JSON.stringify({ timestamp, input_length, output_length: 4, hash_ids });
    const trace = [line(0, 1000, [1, 2]), line(500, 1300, [1, 2, 3])].join('\n');
    const requests = traceRequests(trace, 'mooncake', { salt: 'a', most: 10 }, tokenizer);
    if (typeof requests === 'string') throw new Error(requests);
    const texts = requests.map(({ prompt }) => prompt as string);
    expect(texts.map(tokensOf)).toEqual([1000, 1300]);
    expect(texts[1]!.startsWith(texts[0]!)).toBe(true);
  });

  test('counts the prompts of a dataset', () => {
    const [request] = datasetRequests('{"prompt": "the king and the queen"}', tokenizer) as {
      promptTokens: number;
    }[];
    expect(request!.promptTokens).toBe(tokensOf('the king and the queen'));
  });

  test.each([1, 2, 4])('counts the tokens of chunks of %d as the server sent them', async (chunk) => {
    const requests = syntheticRequests(
      {
        count: 3,
        seed: 1,
        salt: 'a',
        promptTokens: { kind: 'fixed', tokens: 20 },
        outputTokens: { kind: 'fixed', tokens: 12 },
      },
      tokenizer,
    );
    const outcome = await withSimulator({ ttft: 0.002, itl: 0.001, 'chunk-tokens': chunk }, ({ url }) =>
      runLoad({
        endpoint: endpointOf(url),
        requests,
        arrival: { kind: 'offline' },
        seed: 1,
        maxSeconds: null,
        maxRequests: null,
        tokenizer,
      }),
    );
    expect(outcome.outputTokensBy).toBe('tokenizer');
    expect(outcome.promptTokensBy).toBe('tokenizer');
    for (const { promptTokens, outputTokens, usage, chunks } of outcome.records) {
      expect(promptTokens).toBe(20 + (tokenizer.beginToken === null ? 0 : 1));
      expect(outputTokens).toBe(usage!.completionTokens);
      expect(chunks.tokens).toEqual(Array(12 / chunk).fill(chunk));
    }
  });
});
