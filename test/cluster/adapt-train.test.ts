import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
let env: Record<string, string>;
beforeAll(() => {
  env = { XDG_CACHE_HOME: join(folder, 'cache') };
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'tiny.gguf'));
  writeFileSync(join(folder, 'short.txt'), 'Too short.');
});

const words = (...args: string[]) => ['adapt', 'train', ...args, '--threads', '1', '--window-tokens', '32'];
const train = (...args: string[]) => ridge(words(...args), { cwd: folder, env });

test('writes an adapter as GGUF and PEFT, says its losses as it goes, and sums them up', async () => {
  const done = await train('tiny.gguf', 'out.gguf', '--steps', '4', '--learning-rate', '0.003', '--json');
  expect(done.code, done.stderr).toBe(0);
  const said = JSON.parse(done.stdout);
  expect(said.losses).toHaveLength(4);
  expect(said.evalAfter).toBeLessThan(said.evalBefore);
  expect(said.made).toMatchObject({ kind: 'adapter', peft: expect.stringMatching(/out\.peft$/) });
  expect(done.stderr).toMatch(/step 1\/4 {2}loss \d\.\d{4}\n/);
  expect(done.stderr).toMatch(/held-out loss after 4 steps: /);
  expect(readGgufHeader(join(folder, 'out.gguf')).metadata.get('adapter.type')).toBe('lora');
  expect(existsSync(join(folder, 'out.peft', 'adapter_config.json'))).toBe(true);

  // The other commands take it as any adapter.
  const seen = await ridgeHere(['adapt', 'inspect', 'out.peft', '--model', 'tiny.gguf', '--json'], {
    cwd: folder,
    env,
  });
  expect(seen.code, seen.stderr).toBe(0);
  expect(JSON.stringify(JSON.parse(seen.stdout))).toContain('attn_q');
});

test('writes a whole model where all of it was trained', async () => {
  const done = await train(...'tiny.gguf full.gguf --steps 2 --method full --learning-rate 1e-4'.split(' '));
  expect(done.code, done.stderr).toBe(0);
  expect(done.stdout).toMatch(/trained +1,115,264 of 1,115,264 parameters/);
  const { tensors, metadata } = readGgufHeader(join(folder, 'full.gguf'));
  expect(metadata.get('general.architecture')).toBe('llama');
  expect(new Set(tensors.map(({ type }) => type))).toEqual(new Set(['f32']));
  expect(existsSync(join(folder, 'full.peft'))).toBe(false);
});

test('one clear sentence for what cannot be', async () => {
  const cases: [string[], number, RegExp][] = [
    [
      ['tiny.gguf', 'a.gguf', '--text', 'short.txt'],
      2,
      /short\.txt: the text has \d+ tokens, and one step .* need 64/,
    ],
    [
      ['tiny.gguf', 'a.gguf', '--method', 'qlora'],
      2,
      /qlora is lora over a quantized base, and the weights of tiny\.gguf are f16/,
    ],
    [
      ['tiny.gguf', 'a.gguf', '--rank', '999'],
      2,
      /a rank of 999 is more than blk\.0\.attn_q\.weight has \(128 × 128\)/,
    ],
    [['tiny.gguf', 'a.bin'], 2, /a\.bin does not end with \.gguf/],
    [['tiny.gguf', 'a.gguf', '--learning-rate', '7'], 2, /learningRate/],
  ];
  for (const [args, code, sentence] of cases) {
    const refused = await ridgeHere(words(...args), { cwd: folder, env });
    expect(refused.stderr, args.join(' ')).toMatch(sentence);
    expect(refused.code, args.join(' ')).toBe(code);
    expect(existsSync(join(folder, 'a.gguf'))).toBe(false);
  }
});
