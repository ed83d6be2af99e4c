import { expect, test } from 'vitest';
import {
  knownBefore,
  prefixHitRatio,
  sharedByOptions,
  sharedOfRun,
} from '../../../core/serving/prefix-hits.js';
import { columnsOf, requestsOf } from '../../../core/serving/record.js';
import type { RequestRecord } from '../../../core/serving/requests.js';

const request = (changed: Partial<RequestRecord> = {}): RequestRecord => ({
  index: 0,
  conversation: null,
  turn: 0,
  intended: 0,
  dispatched: 0.01,
  headers: 0.1,
  firstByte: 0.2,
  firstToken: 0.3,
  firstAnswer: 0.4,
  lastToken: 0.5,
  done: 0.6,
  outcome: 'complete',
  problem: null,
  status: 200,
  bytes: 700,
  promptTokens: 80,
  wantedTokens: 3,
  outputTokens: 3,
  reasoningTokens: 1,
  chunks: { seconds: [0.3, 0.5], tokens: [1, 2] },
  usage: { promptTokens: 80, completionTokens: 3, cachedTokens: 20 },
  ...changed,
});

const hitsOf = (
  requests: readonly RequestRecord[],
  inside: Parameters<typeof prefixHitRatio>[0]['inside'] = {},
) => prefixHitRatio({ requests: columnsOf(requests), inside });

test('requests come back from their columns as they were', () => {
  const requests = [
    request(),
    request({
      index: 1,
      conversation: 4,
      turn: 2,
      intended: 1,
      dispatched: null,
      headers: null,
      firstByte: null,
      firstToken: null,
      firstAnswer: null,
      lastToken: null,
      done: 1.5,
      outcome: 'refused',
      problem: 'nobody answered',
      status: null,
      bytes: 0,
      promptTokens: null,
      wantedTokens: null,
      outputTokens: null,
      reasoningTokens: 0,
      chunks: { seconds: [], tokens: [] },
      usage: null,
    }),
  ];
  expect(requestsOf(columnsOf(requests))).toEqual(requests);
  const adapted = requests.map((one, i) => ({ ...one, lora: i === 0 ? 'sql' : null }));
  expect(requestsOf(columnsOf(adapted))).toEqual(adapted);
});

test('the share of hits is that of all prompt tokens, not the mean of shares', () => {
  const usage = (promptTokens: number, cachedTokens: number) => ({
    usage: { promptTokens, completionTokens: 1, cachedTokens },
  });
  expect(hitsOf([request(usage(100, 100)), request(usage(300, 0))])).toBe(0.25);
});

test('requests that failed tell nothing about hits', () => {
  expect(hitsOf([request(), request({ outcome: 'broken', usage: null })])).toBe(0.25);
});

test('the server’s own figures count where not every request has its counts', () => {
  const silent = [request(), request({ usage: { promptTokens: 80, completionTokens: 3 } })];
  expect(hitsOf(silent)).toBeNull();
  expect(hitsOf(silent, { prefixCacheHitRatio: { mean: 0.6, max: 0.9 } })).toBe(0.6);
  const counters = (hits: number, all: number) => ({
    prefixCacheHitTokens: { growth: hits },
    prefixCacheQueriedTokens: { growth: all },
  });
  expect(hitsOf(silent, counters(30, 120))).toBe(0.25);
  // Counters that were read a moment apart.
  expect(hitsOf(silent, counters(121, 120))).toBe(1);
  expect(hitsOf(silent, counters(0, 0))).toBeNull();
});

test('what a run shared is a share of the tokens of its answered prompts', () => {
  const requests = columnsOf([request(), request({ promptTokens: 120 }), request({ outcome: 'timed-out' })]);
  expect(sharedOfRun({ requests, sharedPromptTokens: 50 })).toEqual({ ratio: 0.25, promptTokens: 100 });
  const uncounted = columnsOf([request({ promptTokens: null })]);
  expect(sharedOfRun({ requests: uncounted, sharedPromptTokens: 50 })).toBeNull();
});

test('options say what prompts share; files and conversations do not', () => {
  const options = { turns: 1, sharedPrefix: 0.5, inputTokens: 'uniform:50..149', api: 'completions' };
  const shared = sharedByOptions(options)!;
  // 99.5 tokens in the mean and one that begins every sequence.
  expect(shared.promptTokens).toBe(100.5);
  expect(shared.ratio).toBeCloseTo(50.75 / 100.5, 12);
  expect(sharedByOptions({ ...options, api: 'chat' })!.ratio).toBeGreaterThan(shared.ratio);
  for (const changed of [
    { turns: 2 },
    { trace: 'a.jsonl' },
    { promptDataset: 'b.jsonl' },
    { inputTokens: 'so many' },
  ])
    expect(sharedByOptions({ ...options, ...changed })).toBeNull();
});

test('hits beyond the load’s own by more than chance and a hundredth were known before', () => {
  const shared = { ratio: 0.1, promptTokens: 100 };
  expect(knownBefore(0.1, shared)).toBeNull();
  expect(knownBefore(0.1 + 0.02 + 0.0099, shared)).toBeNull();
  expect(knownBefore(0.1 + 0.02 + 0.0101, shared)).toMatch(/13\.0 %.*10\.0 %/);
  expect(knownBefore(0.05, shared)).toBeNull();
});
