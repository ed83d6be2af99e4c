import { describe, expect, test } from 'vitest';
import { requestMaker } from '../../../agent/workloads/serving-requests.js';
import { loadOf, type TokenLoad } from '../../../batching/load.js';
import { simulateBatching } from '../../../batching/simulate.js';
import type { OptionsOf } from '../../../core/experiment/options.js';
import { startsOf } from '../../../core/serving/arrivals.js';
import { serving } from '../../../core/workloads/serving.js';
import { serverOf } from './support.js';

type Options = OptionsOf<typeof serving>;

const optionsWith = (some: Partial<Options>): Options => ({ ...serving.options.parse({}), ...some });

function loaded(some: Partial<Options>, trace: string | null = null): TokenLoad {
  const load = loadOf(optionsWith(some), trace);
  if (typeof load === 'string') throw new Error(load);
  return load;
}

/** Without a tokenizer, a prompt has a word for each token. */
const wordsOf = (prompt: unknown) => String(prompt).split(' ');

const MOONCAKE = [
  { timestamp: 0, input_length: 600, output_length: 5, hash_ids: [1, 2] },
  { timestamp: 1500, input_length: 1100, output_length: 7, hash_ids: [1, 2, 3] },
  { timestamp: 2000, input_length: 30, output_length: 9, hash_ids: [4], session_id: 'a' },
  { input_length: 10, output_length: 4, session_id: 'a', delay: 400 },
]
  .map((line) => JSON.stringify(line))
  .join('\n');

describe('the load of a workload', () => {
  test.each([
    [{ inputTokens: 'uniform:64..256', outputTokens: 'lognormal:90,0.5', requests: 40 }],
    [
      {
        inputTokens: 'normal:300,64',
        outputTokens: 17,
        requests: 23,
        sharedPrefix: 0.4,
        turns: 5,
        thinkSeconds: 2,
      },
    ],
    [{ inputTokens: 128, outputTokens: 'uniform:1..9', requests: 31, sharedPrefix: 1, loadSeed: 77 }],
  ])('is the same tokens as the load generator sends: %j', async (some) => {
    const options = optionsWith(some);
    const maker = await requestMaker({ ...options, path: null, tokenizer: null, salt: '' });
    const sent = maker(options.requests, options.loadSeed);
    const requests = [...loaded(some).requests];
    expect(requests.map(({ outputTokens }) => outputTokens)).toEqual(
      sent.map(({ wantedTokens }) => wantedTokens),
    );
    expect(
      requests.map(({ conversation, turn, thinkSeconds }) => [conversation, turn, thinkSeconds]),
    ).toEqual(sent.map(({ conversation, turn, thinkSeconds }) => [conversation, turn, thinkSeconds]));
    // A turn is sent behind all that was said before.
    let before = 0;
    for (const [place, { promptTokens, outputTokens, turn }] of requests.entries()) {
      if (turn === 0) before = 0;
      expect(promptTokens).toBe(before + wordsOf(sent[place]!.prompt).length);
      before = promptTokens + outputTokens;
    }
    // As many words of two first prompts are the same as their shared passage has tokens.
    const [one, other] = requests.flatMap(({ turn, beginning }, place) => {
      const shared = beginning.find(({ id }) => id === 0)?.tokens ?? 0;
      return turn === 0 ? [{ shared, words: wordsOf(sent[place]!.prompt) }] : [];
    });
    const least = Math.min(one!.shared, other!.shared);
    expect(one!.words.slice(0, least)).toEqual(other!.words.slice(0, least));
  });

  test.each([
    ['poisson', { requestsPerSecond: 3 }],
    ['gamma', { requestsPerSecond: 3, burstiness: 0.5 }],
    ['constant', { requestsPerSecond: 4 }],
    ['ramp', { requestsPerSecond: 1, rampToPerSecond: 9, loadSeconds: 10 }],
  ] as const)('starts requests when the load generator does: %s', (arrival, some) => {
    const load = loaded({ arrival, ...some, requests: 30, inputTokens: 8, outputTokens: 2 });
    const { requests } = simulateBatching(load, serverOf('vllm', {}, { step: { secondsOf: () => 0.001 } }));
    const starts = startsOf(load.arrival as never, load.seed);
    const expected = Array.from(requests.intended.values(), () => starts.next().value);
    expect(requests.count).toBeGreaterThan(20);
    expect([...requests.intended.values()]).toEqual(expected);
    expect([...requests.sent.values()]).toEqual(expected);
  });

  test('holds so many requests in flight in a closed loop, and takes a turn after its time to think', () => {
    const load = loaded({
      concurrency: 2,
      turns: 3,
      thinkSeconds: 5,
      requests: 9,
      inputTokens: 4,
      outputTokens: 2,
    });
    const { requests } = simulateBatching(load, serverOf('vllm', { asyncScheduling: false }));
    expect([...requests.sent.values()].slice(0, 2)).toEqual([0, 0]);
    const [of, turns, sent, done] = [requests.conversation, requests.turn, requests.sent, requests.done].map(
      (one) => [...one.values()],
    );
    const numberOf = (conversation: number, turn: number) =>
      of!.findIndex((one, i) => one === conversation && turns![i] === turn);
    for (const conversation of [0, 1, 2])
      for (const turn of [1, 2])
        expect(sent![numberOf(conversation, turn)]).toBe(done![numberOf(conversation, turn - 1)]! + 5);
    // The third conversation begins where the first to end leaves its slot.
    expect(sent![numberOf(2, 0)]).toBe(Math.min(done![numberOf(0, 2)]!, done![numberOf(1, 2)]!));
  });

  test('keeps the rest waiting where more are in flight than there may be', () => {
    const load = {
      ...loaded({ arrival: 'offline', requests: 7, inputTokens: 4, outputTokens: 3 }),
      maxConcurrency: 2,
    };
    const { requests } = simulateBatching(load, serverOf('vllm', { asyncScheduling: false }));
    expect([...requests.sent.values()]).toEqual([0, 0, 3, 3, 6, 6, 9]);
    expect([...requests.intended.values()]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  test('sends nobody after its time', () => {
    const load = loaded({
      arrival: 'constant',
      requestsPerSecond: 1,
      loadSeconds: 4.5,
      requests: 100,
      inputTokens: 4,
      outputTokens: 3,
    });
    const run = simulateBatching(load, serverOf('vllm', {}));
    expect([...run.requests.sent.values()]).toEqual([0, 1, 2, 3, 4]);
    expect(run.endedEarly).toBeNull();
  });

  test('says law of lengths, way of arriving and number of requests', () => {
    expect(
      loaded({ inputTokens: 'normal:300,64', outputTokens: 16, sharedPrefix: 0.5, concurrency: 8 }).says,
    ).toBe(
      '64 requests of 300 ± 64 tokens (normal) in and 16 tokens out, 8 at once from the first moment on, 50 % of each prompt shared',
    );
    expect(loaded({ arrival: 'trace', trace: 'a', traceSpeed: 2 }, MOONCAKE).says).toBe(
      '4 requests of a trace, at 2 times its speed',
    );
    expect(loaded({ arrival: 'trace', trace: 'a', requests: 3 }, MOONCAKE).says).toMatch(
      /^the first 3 requests of a trace/,
    );
  });

  test('of prompts in a file has no lengths', () => {
    expect(loadOf(optionsWith({ promptDataset: 'a.jsonl' }), null)).toContain(
      'no lengths without a tokenizer',
    );
  });
});

describe('a trace', () => {
  test('of Mooncake is blocks of texts, times, and sessions whose turns follow each other', () => {
    const requests = [...loaded({ arrival: 'trace', trace: 'a', traceSpeed: 2 }, MOONCAKE).requests];
    expect(requests.map(({ atSeconds }) => atSeconds)).toEqual([0, 0.75, 1, null]);
    expect(requests[1]!.beginning).toEqual([
      { id: 1, tokens: 512 },
      { id: 2, tokens: 512 },
      { id: 3, tokens: 76 },
    ]);
    // 30 tokens and their 9 of an answer come before the 10 of the second turn.
    expect([requests[3]!.promptTokens, requests[3]!.thinkSeconds, requests[3]!.turn]).toEqual([49, 0.2, 1]);
    const { requests: own } = simulateBatching(
      loaded({ arrival: 'trace', trace: 'a' }, MOONCAKE),
      serverOf('vllm', { asyncScheduling: false }, { step: { secondsOf: () => 0.01 } }),
    );
    // The second prompt begins with both blocks of the first, of which 600 tokens were computed.
    expect(own.cachedTokens.at(1)).toBe(592);
    expect(own.sent.at(3)).toBeCloseTo(own.done.at(2) + 0.4, 9);
  });

  test('of Azure is times and counts', () => {
    const text =
      'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5,374,44\n2023-11-16 18:15:50.0,396,109\n';
    const requests = [...loaded({ arrival: 'trace', trace: 'a' }, text).requests];
    expect(
      requests.map(({ atSeconds, promptTokens, outputTokens }) => [atSeconds, promptTokens, outputTokens]),
    ).toEqual([
      [0, 374, 44],
      [3.5, 396, 109],
    ]);
  });

  test.each([
    ['without a request', '', 'The trace has no request.'],
    ['of no columns', 'a,b\n1,2\n', 'Line 1 has to name the columns'],
    ['of heads alone', 'TIMESTAMP,ContextTokens,GeneratedTokens\n', 'The trace has no request.'],
    ['of no line', '{}', 'Line 1: input_length and output_length have to be whole numbers of at least 1.'],
    [
      'whose times run backwards',
      MOONCAKE.split('\n').slice(0, 2).reverse().join('\n'),
      'The times of the trace run backwards: a request at 0 s stands behind one at 1.5 s. Sort its lines by time.',
    ],
    [
      'of Azure whose times run backwards',
      'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:50,3,4\n2023-11-16 18:15:46,3,4\n',
      'The times of the trace run backwards',
    ],
  ])('%s is one sentence', (_, text, sentence) => {
    const load = loadOf(optionsWith({ arrival: 'trace', trace: 'a' }), text);
    expect(load).toContain(sentence);
    expect(String(load).split('. ')).toHaveLength(
      sentence.includes('Sort') || sentence.includes('backwards') ? 2 : 1,
    );
  });
});
