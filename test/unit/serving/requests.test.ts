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
  tokenizer: null,
  salt: 0,
};

describe('requests of a run', () => {
  test('have the same lengths under another salt, and other words', async () => {
    const [plain, again, salted] = await Promise.all(
      [0, 0, 77].map(async (salt) => (await requestMaker({ ...WANTED, salt }))(20, 3)),
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
});
