import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requestMaker } from '../../../agent/workloads/serving-requests.js';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { PlannedRequest } from '../../../load/endpoint.js';
import { temporaryFolder } from '../../support/folder.js';

const WANTED = {
  path: null,
  trace: null,
  traceSpeed: 1,
  inputTokens: 'uniform:4..40',
  outputTokens: 'uniform:1..1000',
  sharedPrefix: 0,
  turns: 1,
  thinkSeconds: 0,
  api: 'completions',
  tokenizer: null,
  salt: 'a',
} as const;

/** Counts a token for each word. */
const wordsCounted = (beginToken: number | null): Tokenizer => ({
  name: 'words',
  digest: 'sha256:0',
  beginToken,
  size: 100,
  chat: null,
  tokenize: (text) => new Int32Array(text.match(/\S+/g)?.length ?? 0),
  detokenize: () => '',
});

describe('requests of a run', () => {
  test('have the same lengths under another salt, and other words', async () => {
    const [plain, again, salted] = await Promise.all(
      ['a', 'a', 'b'].map(async (salt) => (await requestMaker({ ...WANTED, salt }))(20, 3)),
    );
    expect(again).toEqual(plain);
    const lengths = (requests: typeof plain) =>
      requests!.map(({ prompt, wantedTokens }) => [String(prompt).split(' ').length, wantedTokens]);
    expect(lengths(salted)).toEqual(lengths(plain));
    const prompts = new Set(plain!.map(({ prompt }) => prompt));
    expect(salted!.filter(({ prompt }) => prompts.has(prompt))).toEqual([]);
  });

  test('of a dataset draw a length each where a line says none', async () => {
    const path = join(temporaryFolder(), 'prompts.jsonl');
    const lines = Array.from({ length: 30 }, (_, i) => ({
      prompt: `p${i}`,
      ...(i === 4 && { output_length: 7 }),
    }));
    writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'));
    const make = await requestMaker({ ...WANTED, path });
    const wanted = make(30, 1).map(({ wantedTokens }) => wantedTokens);
    expect(wanted[4]).toBe(7);
    expect(new Set(wanted).size).toBeGreaterThan(20);
    expect(make(30, 1).map(({ wantedTokens }) => wantedTokens)).toEqual(wanted);
    expect(make(5, 1).map(({ wantedTokens }) => wantedTokens)).toEqual(wanted.slice(0, 5));
    expect(make(30, 2).map(({ wantedTokens }) => wantedTokens)).not.toEqual(wanted);
  });

  test.each([
    ['a token before each text', 1, 'completions', [9, 10, 9, 10]],
    ['none before it', null, 'completions', [10, 10, 10, 10]],
    ['a template that brings its own', 1, 'chat', [10, 10, 10, 10]],
  ] as const)(
    'have as many tokens as a sweep says, of a vocabulary with %s',
    async (_, beginToken, api, own) => {
      const counts = (requests: readonly PlannedRequest[]) =>
        requests.map(({ promptTokens }) => promptTokens);
      const wanted = { ...WANTED, api, tokenizer: wordsCounted(beginToken), inputTokens: 10, turns: 2 };
      expect(counts((await requestMaker(wanted))(4, 1))).toEqual(own);
      const path = join(temporaryFolder(), 'trace.jsonl');
      const line = { input_length: 10, output_length: 1 };
      const sessions = [1, 1, 2, 2].map((session_id) => JSON.stringify({ ...line, session_id }));
      writeFileSync(path, sessions.join('\n'));
      const traced = await requestMaker({ ...wanted, path, trace: 'trace.jsonl' });
      expect(counts(traced(4, 1))).toEqual(own);
    },
  );

  test('of a dataset begin with a marker of the run, a conversation and a chat once', async () => {
    const path = join(temporaryFolder(), 'prompts.jsonl');
    const messages = ['system', 'user'].map((role) => ({ role, content: role }));
    const turns = [{ text: 'first' }, { text: 'second' }];
    writeFileSync(
      path,
      [{ prompt: 'alone' }, { messages }, { turns }].map((line) => JSON.stringify(line)).join('\n'),
    );
    const promptsOf = async (salt: string, seed: number) =>
      (await requestMaker({ ...WANTED, path, salt }))(4, seed).map(({ prompt }) => prompt);
    const prompts = await promptsOf('a', 1);
    const marker = String(prompts[0]).slice(0, -'alone'.length);
    expect(marker).toMatch(/^\[rid:[0-9a-f]{8}\]\n\n$/);
    const [system, user] = messages;
    const marked = [{ ...system, content: `${marker}system` }, user];
    expect(prompts).toEqual([`${marker}alone`, marked, `${marker}first`, 'second']);
    expect(await promptsOf('a', 1)).toEqual(prompts);
    const others = [await promptsOf('b', 1), await promptsOf('a', 2)].map(([first]) => first);
    expect(new Set([prompts[0], ...others]).size).toBe(3);
  });
});
