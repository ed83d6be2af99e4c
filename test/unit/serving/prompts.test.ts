import { describe, expect, test } from 'vitest';
import type { TraceFormat } from '../../../core/serving/trace.js';
import { bodyOf } from '../../../load/endpoint.js';
import { datasetRequests } from '../../../load/prompts/dataset.js';
import { syntheticRequests } from '../../../load/prompts/synthetic.js';
import { traceRequests } from '../../../load/prompts/trace.js';
import { endpointOf, plain } from '../../support/simulator.js';

const FIXED = { kind: 'fixed', tokens: 10 } as const;

describe('made-up requests', () => {
  test('without a tokenizer have as many words, and say that nobody counted', () => {
    const [request] = syntheticRequests(
      { count: 1, seed: 1, salt: 'a', promptTokens: FIXED, outputTokens: FIXED },
      null,
    );
    expect((request!.prompt as string).split(' ')).toHaveLength(10);
    expect(request!.promptTokens).toBeNull();
  });

  test('of conversations have turns that follow each other, with time to think', () => {
    const order = {
      count: 5,
      seed: 1,
      salt: 'a',
      promptTokens: FIXED,
      outputTokens: FIXED,
      turns: 2,
      thinkSeconds: 3,
    };
    const requests = syntheticRequests(order, null);
    expect(requests.map(({ conversation, turn }) => [conversation, turn])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
    ]);
    expect(requests.map(({ follows }) => follows)).toEqual([false, true, false, true, false]);
    expect(requests.map(({ thinkSeconds }) => thinkSeconds)).toEqual([0, 3, 0, 3, 0]);
  });
});

describe('a dataset', () => {
  test('has texts and chats, and lengths of answers', () => {
    const messages = [{ role: 'user', content: 'b' }];
    const text = `{"prompt":"a"}\n\n${JSON.stringify({ messages, output_length: 7 })}\n`;
    const requests = datasetRequests(text, null);
    if (typeof requests === 'string') throw new Error(requests);
    expect(requests.map(({ prompt, wantedTokens }) => [prompt, wantedTokens])).toEqual([
      ['a', null],
      [messages, 7],
    ]);
  });

  test('has sessions with think time, as AIPerf writes them', () => {
    const turns = [{ text: 'a' }, { text: 'b', delay: 1500, output_length: 3 }];
    const requests = datasetRequests(
      `${JSON.stringify({ session_id: 's', turns })}\n{"turns":[{"text":"c"}]}`,
      null,
    );
    if (typeof requests === 'string') throw new Error(requests);
    expect(
      requests.map(({ conversation, turn, follows, thinkSeconds }) => [
        conversation,
        turn,
        follows,
        thinkSeconds,
      ]),
    ).toEqual([
      [0, 0, false, 0],
      [0, 1, true, 1.5],
      [1, 0, false, 0],
    ]);
    expect(datasetRequests('{"turns":[{"text":"a","delay":"b"}]}', null)).toBe(
      'Line 1: delay of turn 1 is no number of milliseconds.',
    );
  });

  test.each([
    ['', 'The dataset has no line.'],
    ['{"prompt":"a"}\nno', 'Line 2 is no JSON object: "no".'],
    ['{"text":"a"}', 'Line 1 has neither a text "prompt" nor "messages" of role and content.'],
    [
      '{"messages":[{"role":"user"}]}',
      'Line 1 has neither a text "prompt" nor "messages" of role and content.',
    ],
    ['{"prompt":"a","output_length":0}', 'Line 1: output_length is no whole number of at least 1.'],
  ])('%j is refused', (text, sentence) => {
    expect(datasetRequests(text, null)).toBe(sentence);
  });
});

describe('a trace', () => {
  const read = (text: string, format: TraceFormat) => {
    const requests = traceRequests(text, format, { salt: 'a', most: 100 }, null);
    if (typeof requests === 'string') throw new Error(requests);
    return requests.map((one) => ({ ...one, prompt: (one.prompt as string).split(' ').length }));
  };

  test('of Azure starts at its first request, to a ten-millionth of a second', () => {
    const text =
      'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n';
    const [first, second] = read(text, 'azure');
    expect(first).toMatchObject({ atSeconds: 0, prompt: 374, wantedTokens: 44, conversation: null });
    expect(second!.atSeconds).toBeCloseTo(4.314579, 6);
  });

  test('of BurstGPT leaves out what failed, and keeps sessions together', () => {
    const head = 'Timestamp,Session ID,Model,Request tokens,Response tokens,Total tokens,Log Type';
    const text = `${head}\n5,7,ChatGPT,472,18,490,Conversation log\n6,,GPT-4,0,0,0,API log\n45,8,GPT-4,10,2,12,x\n118,7,ChatGPT,30,3,33,x\n`;
    expect(read(text, 'burstgpt')).toMatchObject([
      { atSeconds: 0, prompt: 472, conversation: 0, turn: 0, follows: false },
      { atSeconds: 113, prompt: 30, conversation: 0, turn: 1, follows: true },
      { atSeconds: 40, prompt: 10, conversation: 1, turn: 0 },
    ]);
  });

  test('of agents has sessions with time to think', () => {
    const text = [
      { timestamp: 1000, session_id: 'a', input_length: 5, output_length: 3 },
      { session_id: 'a', delay: 250, input_length: 4, output_length: 3 },
      { timestamp: 0, session_id: 'b', input_length: 6, output_length: 3 },
    ];
    expect(read(text.map((line) => JSON.stringify(line)).join('\n'), 'mooncake')).toMatchObject([
      { conversation: 1, turn: 0, atSeconds: 0, prompt: 6 },
      { conversation: 0, turn: 0, atSeconds: 1, prompt: 5 },
      { conversation: 0, turn: 1, atSeconds: null, thinkSeconds: 0.25, follows: true },
    ]);
  });

  test('gives the same block the same text, whoever has it', () => {
    const line = (hash_ids: number[]) =>
      JSON.stringify({ timestamp: 0, input_length: 512 * hash_ids.length, output_length: 1, hash_ids });
    const requests = traceRequests(
      [line([5, 6]), line([7, 6])].join('\n'),
      'mooncake',
      { salt: 'a', most: 9 },
      null,
    );
    if (typeof requests === 'string') throw new Error(requests);
    const blocks = requests.map(({ prompt }) => {
      const words = (prompt as string).split(' ');
      return [words.slice(0, 512).join(' '), words.slice(512).join(' ')];
    });
    expect(blocks[0]![1]).toBe(blocks[1]![1]);
    expect(blocks[0]![0]).not.toBe(blocks[1]![0]);
  });

  test.each<[TraceFormat, string, RegExp]>([
    ['mooncake', '{"input_length":5}', /^Line 1: input_length and output_length have to be whole numbers/],
    [
      'mooncake',
      '{"input_length":513,"output_length":1,"hash_ids":[1]}',
      /^Line 1: 1 blocks of 512 tokens are not 513/,
    ],
    ['mooncake', '{"timestamp":"x","input_length":5,"output_length":1}', /^Line 1: timestamp is no number/],
    ['azure', 'a,b,c\n1,2,3', /^Line 1 has to name the columns TIMESTAMP, /],
    ['azure', 'TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1', /^Line 2: TIMESTAMP is no time\.$/],
    ['burstgpt', 'Timestamp,Request tokens,Response tokens\n1,a,1', /^Line 2: Request tokens and /],
    ['azure', 'TIMESTAMP,ContextTokens,GeneratedTokens\n', /^The trace has no request\.$/],
    [
      'burstgpt',
      'Timestamp,Request tokens,Response tokens\n1,5,5\n9,5,5\n3,5,5',
      /^The times of the trace run backwards: a request at 2 s stands behind one at 8 s\./,
    ],
  ])('of %s that is %j is refused', (format, text, sentence) => {
    expect(traceRequests(text, format, { salt: 'a', most: 10 }, null)).toMatch(sentence);
  });
});

describe('the body of a request', () => {
  const read = (...args: Parameters<typeof bodyOf>) => JSON.parse(bodyOf(...args).toString());

  test("has the endpoint's fields, the request's own, and the tokens that are asked for as the server spells that", () => {
    const body = { temperature: 0, ignore_eos: true, min_tokens: '{wantedTokens}', stream_options: null };
    const endpoint = endpointOf('http://a', { body });
    expect(read(endpoint, plain('hello', 5, { body: { model: 'adapter-1' } }), [])).toEqual({
      model: 'adapter-1',
      stream: true,
      max_tokens: 5,
      temperature: 0,
      ignore_eos: true,
      min_tokens: 5,
      prompt: 'hello',
    });
    expect(read(endpoint, { ...plain('hello', 5), wantedTokens: null }, [])).not.toHaveProperty('min_tokens');
  });

  test('of a turn has what was said before it, where it follows that', () => {
    const before = [{ prompt: 'a', answer: 'b' }];
    const chat = endpointOf('http://a', { api: 'chat' });
    expect(read(chat, plain('c', 1, { turn: 1, follows: true }), before).messages).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]);
    expect(read(chat, plain('c', 1, { turn: 1 }), before).messages).toHaveLength(1);
    expect(read(endpointOf('http://a'), plain('c', 1, { turn: 1, follows: true }), before).prompt).toBe(
      'abc',
    );
  });
});
