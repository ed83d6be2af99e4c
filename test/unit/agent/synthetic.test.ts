import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeSynthetic, writeSynthetic } from '../../../artifacts/files/synthetic/model.js';
import { RandomWords } from '../../../artifacts/files/synthetic/random.js';
import { randomWeights } from '../../../artifacts/files/synthetic/weights.js';
import { SHAPES } from '../../../core/models/shapes.js';
import {
  readSynthetic,
  SYNTHETIC_TYPES,
  type SyntheticModel,
  type SyntheticType,
} from '../../../core/models/synthetic.js';
import { modelFacts } from '../../../formats/gguf/facts.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

function model(rest: string): SyntheticModel {
  return sound(readSynthetic(`synthetic:${rest}`)).model;
}
const SMALL = 'llama?layers=2&embedding=64&heads=4&headLength=16&kvHeads=2&feedForward=96&vocabulary=160';

// Parameters as the model cards and safetensors indices give them; Llama's files add the rope factors.
test.each([
  ['smollm2-135m', 134_515_008],
  ['qwen2.5-0.5b', 494_032_768],
  ['tinyllama-1.1b', 1_100_048_384],
  ['llama-3.2-1b', 1_235_814_400 + 32],
  ['llama-3.2-3b', 3_212_749_824 + 64],
  ['llama-3.1-8b', 8_030_261_248 + 64],
])('a published shape %s has the parameters of the original', (name, parameters) => {
  const facts = modelFacts(describeSynthetic(model(name)).header);
  expect(facts.parameters).toBe(parameters);
  const shape = SHAPES.get(name)!;
  expect(facts).toMatchObject({
    architecture: shape.architecture,
    layers: shape.layers,
    quantization: 'f16',
    vocabularySize: shape.vocabulary,
    keyElementsPerToken: shape.layers * shape.kvHeads * shape.headLength,
  });
});

describe('a source', () => {
  test('changes any part of a shape, the seed and the type', () => {
    expect(model('llama-3.2-1b?layers=4&seed=7&type=q4_0')).toMatchObject({
      shape: { layers: 4, embedding: 2048, tied: true },
      seed: 7,
      type: 'q4_0',
    });
    expect(model('llama?layers=8&embedding=512')).toMatchObject({
      shape: { heads: 8, kvHeads: 8, headLength: 64, feedForward: 1536, tied: false },
      seed: 1,
      type: 'f16',
    });
  });

  test.each([
    ['llama-3.2-2b', 'names no shape', 'llama-3.2-1b'],
    ['', 'names no shape', 'llama'],
    ['llama', 'has to give layers and embedding', 'layers=8'],
    ['llama-3.2-1b?layer=4', 'has no parameter "layer"', 'Did you mean layers?'],
    ['llama-3.2-1b?layers=4&layers=5', 'gives layers twice', ''],
    ['llama-3.2-1b?layers=0', 'has layers=0', 'from 1 to 1024'],
    ['llama-3.2-1b?layers=1e9', 'has layers=1e9', 'whole number'],
    ['llama-3.2-1b?embedding=-5', 'has embedding=-5', 'whole number'],
    ['llama-3.2-1b?vocabulary=9999999999', 'has vocabulary', '2097152'],
    ['llama-3.2-1b?type=q4_k_m', 'has type=q4_k_m', 'quantization makes others'],
    ['llama-3.2-1b?tied=yes', 'has tied=yes', 'true or false'],
    ['llama-3.2-1b?kvHeads=5', 'cannot share evenly', ''],
    ['llama-3.2-1b?headLength=63', 'positions turn pairs', ''],
    ['llama-3.2-1b?embedding=100&type=q4_0', 'keeps blocks of 32', ''],
  ])('synthetic:%s is refused with what to do', (rest, reason, hint) => {
    const reading = readSynthetic(`synthetic:${rest}`);
    expect(reading).toMatchObject({ ok: false });
    if (reading.ok) return;
    expect(reading.reason).toContain(reason);
    expect(reading.hint).toContain(hint);
  });
});

describe('the file', () => {
  const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

  test('is what was said before it was written, in every type', async () => {
    for (const type of SYNTHETIC_TYPES) {
      const path = join(temporaryFolder(), 'model.gguf');
      const of = model(`${SMALL}&type=${type}`);
      const said = describeSynthetic(of).header;
      expect(await writeSynthetic(path, of)).toBe(said.fileBytes);
      const tensors = said.tensors.map((tensor) => ({ ...tensor, path }));
      expect(readGgufHeader(path)).toEqual({ ...said, tensors });
      expect(said.metadata.get('ridgepoint.synthetic')).toBe(true);
      expect(modelFacts(said).quantization).toBe(type);
    }
  });

  test('is the same for the same seed on every machine, and another for any other seed, shape or type', async () => {
    const digest = async (rest: string) => {
      const path = join(temporaryFolder(), 'model.gguf');
      await writeSynthetic(path, model(rest));
      return { file: sha256(path), said: describeSynthetic(model(rest)).digest };
    };
    const first = await digest(SMALL);
    // Recorded once: a change here is a change of every synthetic model, and needs a new GENERATOR.
    expect(first).toEqual(RECORDED.f16);
    expect(await digest(`${SMALL}&type=q4_0`)).toEqual(RECORDED.q4_0);
    const others = [
      `${SMALL}&seed=2`,
      `${SMALL}&type=bf16`,
      `${SMALL}&tied=true`,
      SMALL.replace('layers=2', 'layers=3'),
    ];
    for (const other of others) {
      const { file, said } = await digest(other);
      expect(file).not.toBe(first.file);
      expect(said).not.toBe(first.said);
    }
  });

  test('holds no tensor twice', async () => {
    const path = join(temporaryFolder(), 'model.gguf');
    await writeSynthetic(path, model(SMALL));
    const seen = new Map<string, string>();
    for (const tensor of readGgufHeader(path).tensors.filter((t) => t.type === 'f16')) {
      const hash = createHash('sha256');
      for await (const chunk of readTensor({ ...tensor, bytes: 2048 })) hash.update(chunk);
      const key = hash.digest('hex');
      expect(seen.get(key), `${tensor.name} begins as`).toBeUndefined();
      seen.set(key, tensor.name);
    }
  });
});

describe('random weights', () => {
  /** What the bytes mean, by the definitions of the formats. */
  function values(type: SyntheticType, bytes: Uint8Array): number[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const out: number[] = [];
    if (type === 'f32') for (let i = 0; i < bytes.length; i += 4) out.push(view.getFloat32(i, true));
    if (type === 'f16') for (let i = 0; i < bytes.length; i += 2) out.push(half(view.getUint16(i, true)));
    if (type === 'bf16') {
      const float = new DataView(new ArrayBuffer(4));
      for (let i = 0; i < bytes.length; i += 2) {
        float.setUint32(0, view.getUint16(i, true) << 16);
        out.push(float.getFloat32(0));
      }
    }
    if (type === 'q8_0') {
      for (let b = 0; b < bytes.length; b += 34)
        for (let i = 0; i < 32; i++) out.push(half(view.getUint16(b, true)) * view.getInt8(b + 2 + i));
    }
    if (type === 'q4_0') {
      for (let b = 0; b < bytes.length; b += 18)
        for (let i = 0; i < 16; i++) {
          const byte = view.getUint8(b + 2 + i);
          out.push(
            half(view.getUint16(b, true)) * ((byte & 15) - 8),
            half(view.getUint16(b, true)) * ((byte >> 4) - 8),
          );
        }
    }
    return out;
  }
  function half(bits: number): number {
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 1023;
    const magnitude = exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    return bits & 0x8000 ? -magnitude : magnitude;
  }

  test.each(SYNTHETIC_TYPES)('of type %s have mean 0 and deviation 0.02', (type) => {
    const bytes = 34 * 18 * 4 * 100;
    const drawn = values(
      type,
      Buffer.concat([...randomWeights(type, bytes, 1, 'x')].map((c) => Buffer.from(c))),
    );
    const mean = drawn.reduce((a, b) => a + b, 0) / drawn.length;
    const deviation = Math.sqrt(drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / drawn.length);
    expect(drawn.length).toBeGreaterThan(50_000);
    expect(Math.abs(mean)).toBeLessThan(0.0005);
    expect(deviation).toBeCloseTo(0.02, 3);
  });

  test('words are those of the published generator', () => {
    // xoshiro128++ from the state 1, 2, 3, 4: Rust's rand_xoshiro, test "reference", made with the C code.
    const words = new Uint32Array(10);
    new RandomWords([1, 2, 3, 4]).fill(words);
    expect([...words]).toEqual([
      641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011,
      621204420,
    ]);
  });
});

const RECORDED = {
  f16: {
    file: '4a6debcdfdf3095882df3453c15ca45a34c7e25e713a6edbbc4f6da02c414528',
    said: 'header-sha256:c52db474bf9216d82d183470d26e6c74716e1b947572426c54b9d91c2d902ba7',
  },
  q4_0: {
    file: 'd0f3cf464a688bcce20f2069583b0948667a43ed6801498919d4f1d52a05dc99',
    said: 'header-sha256:13362b5e7782e1dba35d196ebd643b5c6db380375632ce25c9c82775d04c03c4',
  },
};
