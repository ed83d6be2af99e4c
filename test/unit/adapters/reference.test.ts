import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPeft } from '../../../artifacts/adapters/peft.js';
import { ranksOf, targetsOf } from '../../../core/techniques/adapters/adapter.js';
import { transposed } from '../../../core/techniques/adapters/convert.js';
import { ontoBase } from '../../../core/techniques/adapters/initialize.js';
import { merged } from '../../../core/techniques/adapters/merge.js';
import { reordered, rowOrder, tensorOfModule } from '../../../core/techniques/adapters/names.js';
import { decodeFloats } from '../../../core/techniques/float-types.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import type { AdapterBase } from '../../../formats/adapters/base.js';
import { readAdapterGguf } from '../../../formats/adapters/gguf.js';
import { openSafetensors } from '../../../formats/safetensors/reader.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { largestDifference } from './toy.js';

/** Adapters that peft wrote and what it merged them to (test/fixtures/peft.py); a llama of two layers. */
const fixtures = join(import.meta.dirname, '../../fixtures/peft');
const HEADS = { architecture: 'llama', heads: [4, 4], keyValueHeads: [2, 2] };

/** kind → GGUF name → weights with rows in GGUF's order; the kind `base` is the model itself. */
const weights = await (async () => {
  const kinds = new Map<string, Map<string, Matrix>>();
  for (const [name, tensor] of openSafetensors(join(fixtures, 'merged.safetensors')).tensors) {
    const [kind = '', module = ''] = name.split('/');
    const chunks: Buffer[] = [];
    for await (const chunk of readTensor(tensor)) chunks.push(chunk);
    const [rows = 0, columns = 0] = tensor.shape;
    const matrix = { rows, columns, values: decodeFloats(Buffer.concat(chunks), 'f32') };
    const gguf = tensorOfModule(module.replace(/\.weight$/, ''))!;
    const known = kinds.get(kind) ?? new Map<string, Matrix>();
    kinds.set(kind, known.set(gguf, reordered(matrix, rowOrder(gguf, rows, HEADS))));
  }
  return kinds;
})();
const base = weights.get('base')!;
const BASE: AdapterBase = {
  ...HEADS,
  tied: false,
  tensors: new Map(
    [...base].map(([name, { rows, columns }]) => [
      name,
      { name, type: 'f32', shape: [columns, rows], bytes: 0, offset: 0 },
    ]),
  ),
};

/** Folder, what it is merged to, and what it is read as. */
const CASES = [
  ['lora', 'lora', { kind: 'lora', ranks: [4], onResidual: null }],
  ['patterns', 'patterns', { kind: 'lora', ranks: [2, 4, 6], onResidual: null }],
  ['rslora', 'rslora', { kind: 'rslora', ranks: [4], onResidual: null }],
  ['dora', 'dora', { kind: 'dora', ranks: [4], onResidual: null }],
  ['pissa', 'pissa', { kind: 'pissa', ranks: [4], onResidual: 'pissa' }],
  ['pissa-with-initial', 'pissa', { kind: 'pissa', ranks: [8], onResidual: null }],
  ['pissa-converted', 'pissa', { kind: 'lora', ranks: [8], onResidual: null }],
  ['olora', 'olora', { kind: 'olora', ranks: [4], onResidual: 'olora' }],
  ['olora-with-initial', 'olora', { kind: 'olora', ranks: [8], onResidual: null }],
  ['olora-converted', 'olora', { kind: 'lora', ranks: [8], onResidual: null }],
  ['embedding', 'embedding', { kind: 'lora', ranks: [4], onResidual: null }],
  ['vera', 'vera', { kind: 'vera', ranks: [6], onResidual: null }],
] as const;

describe('adapters of peft 0.21', () => {
  test.each(CASES)('%s merges to what peft merges it to', async (folder, kind, facts) => {
    const { adapter } = await readPeft(join(fixtures, folder), BASE);
    expect({ kind: adapter.kind, ranks: ranksOf(adapter), onResidual: adapter.onResidual }).toEqual(facts);
    const expected = weights.get(kind)!;
    expect([...adapter.layers.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, layer] of adapter.layers) {
      const before = base.get(name)!;
      const { onResidual } = adapter;
      const plain = onResidual === null ? layer : ontoBase(layer, onResidual, before);
      // Weights are about 0.2, changes about 0.1; the rest is peft's f32 (its SVD and QR in the mutated
      // kinds).
      const change = merged(before, plain);
      expect(largestDifference(change.values, expected.get(name)!.values), name).toBeLessThan(2e-6);
      expect(largestDifference(change.values, before.values)).toBeGreaterThan(1e-3);
    }
  });

  test.each(['lora', 'embedding'])(
    '%s becomes the GGUF tensors that llama.cpp’s converter writes',
    async (kind) => {
      const ours = (await readPeft(join(fixtures, kind), BASE)).adapter;
      const theirs = (await readAdapterGguf(join(fixtures, kind, 'converted.gguf'))).adapter;
      expect(targetsOf(ours)).toEqual(targetsOf(theirs));
      for (const [name, layer] of theirs.layers) expect(ours.layers.get(name)).toEqual(layer);
      expect(ours.layers.size).toBe(theirs.layers.size);
    },
  );

  test('rows of Q and K are turned for llama and stay for qwen2', async () => {
    const qwen = { ...BASE, architecture: 'qwen2' };
    const [turned, straight] = [
      (await readPeft(join(fixtures, 'lora'), BASE)).adapter,
      (await readPeft(join(fixtures, 'lora'), qwen)).adapter,
    ];
    const same = [...turned.layers].filter(
      ([name, { b }]) => largestDifference(b.values, straight.layers.get(name)!.b.values) === 0,
    );
    expect(same.map(([name]) => name).filter((name) => /attn_[qk]/.test(name))).toEqual([]);
    expect(same).toHaveLength(turned.layers.size - 4);
    // Head 1 of Q, pair 0: rows 4 and 6 of transformers come to lie together.
    const q = 'blk.0.attn_q.weight';
    const row = (matrix: Matrix, i: number) => transposed(transposed(matrix)).values.slice(i * 4, i * 4 + 4);
    expect(row(turned.layers.get(q)!.b, 5)).toEqual(row(straight.layers.get(q)!.b, 6));
  });
});
