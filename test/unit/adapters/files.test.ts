import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPeft } from '../../../artifacts/adapters/peft.js';
import { writePeft } from '../../../artifacts/adapters/peft-writer.js';
import type { LowRankAdapter } from '../../../core/techniques/adapters/adapter.js';
import { readAdapterGguf, writeAdapterGguf } from '../../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { openSafetensors } from '../../../formats/safetensors/reader.js';
import { sharedFolder } from '../../support/folder.js';
import { BASE, largestDifference, randomLayer, toyAdapter } from './toy.js';

const folder = sharedFolder();

function expectSame(read: LowRankAdapter, written: LowRankAdapter): void {
  expect([read.kind, read.architecture, read.onResidual]).toEqual([
    written.kind,
    written.architecture,
    written.onResidual,
  ]);
  expect([...read.layers.keys()]).toEqual([...written.layers.keys()]);
  for (const [name, layer] of read.layers) {
    const other = written.layers.get(name)!;
    expect(layer.scale).toBeCloseTo(other.scale, 6);
    expect(layer.a).toEqual(other.a);
    expect(layer.b).toEqual(other.b);
    expect(layer.magnitude).toEqual(other.magnitude);
  }
}

describe('adapter files', () => {
  test.each(['lora', 'rslora', 'dora', 'pissa', 'olora'] as const)('%s goes through GGUF', async (kind) => {
    const adapter = toyAdapter(kind);
    const path = join(folder, `${kind}.gguf`);
    await writeAdapterGguf(path, adapter, { name: kind });
    expectSame((await readAdapterGguf(path)).adapter, adapter);
    // What llama.cpp would run wrongly has a type that it refuses.
    const form = readGgufHeader(path).metadata.get('adapter.type');
    expect(form).toBe({ dora: 'dora', pissa: 'residual', olora: 'residual' }[kind as string] ?? 'lora');
  });

  test.each(['lora', 'rslora', 'dora', 'pissa', 'olora'] as const)('%s goes through PEFT', async (kind) => {
    const adapter = toyAdapter(kind);
    const place = join(folder, `peft-${kind}`);
    await writePeft(place, adapter, BASE);
    expectSame((await readPeft(place, BASE)).adapter, adapter);
  });

  test('ranks and alphas of their own are kept by both', async () => {
    const plain = toyAdapter('lora', { ranks: [2, 3, 1] });
    const layers = [...plain.layers].map(([name, layer], i) => [name, { ...layer, scale: 1 + i }] as const);
    const adapter = { ...plain, layers: new Map(layers) };
    const place = join(folder, 'peft-patterns');
    await writePeft(place, adapter, BASE);
    expectSame((await readPeft(place, BASE)).adapter, adapter);
    // A GGUF file has one alpha for all: the rest goes into B, and the products stay.
    const path = join(folder, 'patterns.gguf');
    await writeAdapterGguf(path, adapter);
    for (const [name, layer] of (await readAdapterGguf(path)).adapter.layers) {
      const { b, scale } = adapter.layers.get(name)!;
      const product = layer.b.values.map((value) => value * layer.scale);
      expect(
        largestDifference(
          product,
          b.values.map((value) => value * scale),
        ),
      ).toBeLessThan(1e-6);
    }
  });

  test('a scale of 0 is no missing alpha', async () => {
    const path = join(folder, 'zero.gguf');
    await writeAdapterGguf(path, toyAdapter('lora', { scale: 0 }));
    for (const { b, scale } of (await readAdapterGguf(path)).adapter.layers.values()) {
      expect(b.values.every((value) => Math.abs(value * scale) === 0)).toBe(true);
    }
    expect(readGgufHeader(path).metadata.get('adapter.lora.alpha')).toBe(1);
  });

  test('the embedding has its factors the way each format wants them', async () => {
    // [out 16, in 8]: a row for every token.
    const layers = new Map([['token_embd.weight', randomLayer(16, 8, 2)]]);
    const adapter: LowRankAdapter = { ...toyAdapter('lora'), layers };
    const path = join(folder, 'embedding.gguf');
    await writeAdapterGguf(path, adapter);
    expectSame((await readAdapterGguf(path)).adapter, adapter);
    // llama-adapter.cpp: ne[1] of A is the vocabulary, ne[1] of B the width.
    expect(readGgufHeader(path).tensors.map(({ shape }) => shape)).toEqual([
      [2, 16],
      [2, 8],
    ]);
    const place = join(folder, 'peft-embedding');
    await writePeft(place, adapter, BASE);
    expectSame((await readPeft(place, BASE)).adapter, adapter);
    const shapes = [...openSafetensors(join(place, 'adapter_model.safetensors')).tensors.values()].map(
      ({ name, shape }) => [name.replace(/^.*\./, ''), shape],
    );
    expect(shapes).toEqual([
      ['lora_embedding_A', [2, 16]],
      ['lora_embedding_B', [8, 2]],
    ]);
  });
});
