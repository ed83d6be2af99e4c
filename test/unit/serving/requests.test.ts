import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requestMaker } from '../../../agent/workloads/serving-requests.js';
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
