import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.js';
import { tinyLlama, weightsNamed, writeFolder } from '../support/model-folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { load, rootMeanSquare } from './loading.js';

const [N, HEADS, KEYS, LENGTH, HIDDEN, VOCABULARY, LAYERS] = [16, 4, 2, 4, 24, 32, 2] as const;

type Vector = readonly number[];

function times(name: string, rows: number, input: Vector): number[] {
  const weights = weightsNamed(name, [rows, input.length]);
  return Array.from({ length: rows }, (_, row) =>
    input.reduce((sum, value, i) => sum + value * weights[row * input.length + i]!, 0),
  );
}

function normed(name: string, input: Vector): number[] {
  const weights = weightsNamed(name, [input.length]);
  const scale = 1 / Math.sqrt(input.reduce((sum, value) => sum + value * value, 0) / input.length + 1e-5);
  return input.map((value, i) => value * scale * weights[i]!);
}

/** As transformers turns heads: element i with element i + half. */
function turned(heads: Vector, place: number): number[] {
  const half = LENGTH / 2;
  return heads.map((value, i) => {
    const at = i % LENGTH;
    const angle = place / 10_000 ** ((at % half) / half);
    const other = at < half ? -heads[i + half]! : heads[i - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

const plus = (a: Vector, b: Vector) => a.map((value, i) => value + b[i]!);

/** The logits behind the last token, by transformers' modeling_llama.py written out in double precision. */
function reference(tokens: Vector): number[] {
  const embedding = weightsNamed('model.embed_tokens.weight', [VOCABULARY, N]);
  let states = tokens.map((token) => [...embedding.subarray(token * N, (token + 1) * N)]);
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = (name: string) => `model.layers.${layer}.${name}.weight`;
    const inputs = states.map((state) => normed(at('input_layernorm'), state));
    const made = (name: string, heads: number) =>
      inputs.map((input) => times(at(`self_attn.${name}_proj`), heads * LENGTH, input));
    const queries = made('q', HEADS).map(turned);
    const keys = made('k', KEYS).map(turned);
    const values = made('v', KEYS);
    states = states.map((state, place) => {
      const mixed: number[] = [];
      for (let head = 0; head < HEADS; head++) {
        const from = Math.floor((head * KEYS) / HEADS) * LENGTH;
        const query = queries[place]!.slice(head * LENGTH, (head + 1) * LENGTH);
        const scores = keys
          .slice(0, place + 1)
          .map((key) => query.reduce((sum, value, i) => sum + value * key[from + i]!, 0) / Math.sqrt(LENGTH));
        const shares = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const all = shares.reduce((a, b) => a + b, 0);
        for (let i = 0; i < LENGTH; i++)
          mixed.push(shares.reduce((sum, share, past) => sum + (share / all) * values[past]![from + i]!, 0));
      }
      const after = plus(state, times(at('self_attn.o_proj'), N, mixed));
      const input = normed(at('post_attention_layernorm'), after);
      const gate = times(at('mlp.gate_proj'), HIDDEN, input).map((value) => value / (1 + Math.exp(-value)));
      const up = times(at('mlp.up_proj'), HIDDEN, input);
      return plus(
        after,
        times(
          at('mlp.down_proj'),
          N,
          gate.map((value, i) => value * up[i]!),
        ),
      );
    });
  }
  return times('lm_head.weight', VOCABULARY, normed('model.norm.weight', states.at(-1)!));
}

test('ridge models convert writes a folder as what llama.cpp computes the same of', async () => {
  const folder = await writeFolder(tinyLlama(), { parts: 2 });
  const output = join(temporaryFolder(), 'tiny.gguf');
  const { code, stderr } = await ridge(['models', 'convert', folder, '--out', output]);
  expect(stderr).toMatch(/tiny\.gguf: 21 tensors of \S+ as f32, made in/);
  expect(code).toBe(0);
  const model = await load(output, { flashAttention: false, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' });
  try {
    const tokens = [3, 17, 8, 30, 5, 5, 11];
    model.prefill([Int32Array.from(tokens)]);
    const expected = Float32Array.from(reference(tokens));
    const spread = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
    expect(rootMeanSquare(model.logits(0), expected) / spread).toBeLessThan(1e-5);
  } finally {
    model.close();
  }
  const again = await ridgeHere(['models', 'convert', folder, '--out', output]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('is there already')]);
  const same = await ridgeHere(['models', 'convert', basename(output)], { cwd: dirname(output) });
  expect([same.code, same.stderr]).toEqual([
    2,
    expect.stringMatching(/is gguf already\n.*--to what to write: onnx or safetensors/),
  ]);
});

test('and back, with the tokenizer of the folder that it was made of; a folder that is there is replaced only where asked', async () => {
  const folder = await writeFolder(tinyLlama({ attention_dropout: 0.25 }));
  const [output, back] = [join(temporaryFolder(), 'tiny.gguf'), join(temporaryFolder(), 'back')];
  expect((await ridgeHere(['models', 'convert', folder, '--out', output])).code).toBe(0);
  const words = ['models', 'convert', output, '--to', 'safetensors', '--out', back];
  const { code, stderr } = await ridgeHere(words);
  expect([code, stderr]).toEqual([0, expect.stringContaining(`tokenizer and settings of ${folder}`)]);
  expect(JSON.parse(readFileSync(join(back, 'config.json'), 'utf8'))).toMatchObject({
    attention_dropout: 0.25,
  });
  const again = await ridgeHere(words);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('Use --force to replace it')]);
  expect((await ridgeHere([...words, '--force'])).code).toBe(0);
  writeFileSync(join(dirname(output), 'mine.txt'), 'mine');
  const other = await ridgeHere([...words.slice(0, -1), dirname(output), '--force']);
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('holds something else')]);
  const lost = await ridgeHere([...words.slice(0, -1), join(temporaryFolder(), 'x'), '--base', '/nowhere']);
  expect([lost.code, lost.stderr]).toEqual([1, expect.stringMatching(/the base \/nowhere is not usable/)]);
});

test('what has no GGUF form is refused in one sentence, and nothing is left', async () => {
  const output = join(temporaryFolder(), 'x.gguf');
  const folder = await writeFolder(tinyLlama({ model_type: 'opt', architectures: ['OPTForCausalLM'] }));
  const { code, stderr } = await ridgeHere(['models', 'convert', folder, '--out', output]);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    /^ridge: the model \S+ is safetensors, of which gguf cannot be made: .*opt has no GGUF form/,
  );
  expect(existsSync(output)).toBe(false);
});
