import { describe, expect, test } from 'vitest';
import type { KnownFacts } from '../../../core/experiment/known-facts.js';
import type { ThreadFactors } from '../../../core/result/factors.js';
import { FILE_TYPES, fileType } from '../../../core/techniques/file-types.js';
import { predictWeights } from '../../../core/techniques/predicted-weights.js';
import { quantization } from '../../../core/techniques/quantization.js';
import {
  bytesPerElement,
  TENSOR_TYPES,
  tensorType,
  WEIGHT_TYPES,
} from '../../../core/techniques/tensor-types.js';
import { CONSTANTS } from '../../../engines/native/llama.js';
import { productWork } from '../../../roofline/factors/sample.js';
import { graphWork } from '../../../roofline/graph/graph-work.js';
import { measuredMachine } from '../../../roofline/machine-model.js';
import { predictOperator, rowsOf, unpredictable } from '../../../roofline/predict.js';
import { PERFECT, ROOFS } from '../../support/roofline.js';

/** Names in lower case and numbers of an enum of the engine's headers. */
const enumOf = (prefix: RegExp) =>
  Object.fromEntries(
    Object.entries(CONSTANTS).flatMap(([name, value]) => {
      const [, own] = prefix.exec(name) ?? [];
      return own === undefined ? [] : [[own.toLowerCase(), value]];
    }),
  );
const numbers = (types: readonly { readonly name: string; readonly number: number }[]) =>
  Object.fromEntries(types.map(({ name, number }) => [name, number]));

describe('types', () => {
  test('of tensors are those of the engine’s enum, each once', () => {
    const { count, ...engine } = enumOf(/^GGML_TYPE_(\w+)$/);
    expect(count).toBeGreaterThan(40);
    expect(numbers(TENSOR_TYPES)).toEqual(engine);
    expect(new Set(TENSOR_TYPES.map(({ number }) => number)).size).toBe(TENSOR_TYPES.length);
  });

  test('of files are those of the engine’s enum, each once', () => {
    const { guessed, ...engine } = enumOf(/^LLAMA_FTYPE_(?:MOSTLY|ALL)_(\w+)$/);
    expect(guessed).toBeUndefined();
    expect(numbers(FILE_TYPES)).toEqual(engine);
    expect(new Set(FILE_TYPES.map(({ number }) => number)).size).toBe(FILE_TYPES.length);
  });

  test.each(quantization.examples.filter((word) => fileType(word) !== null))(
    '%s has bits, and its size is predicted from them',
    (word) => {
      const facts = { quantization: 'f16', bytes: -1, parameters: 1e9, vocabularySize: 0 };
      const bytes = (embeddingLength: number) =>
        predictWeights({ ...facts, embeddingLength } as unknown as KnownFacts, word);
      if (word === 'f16') return;
      expect(bytes(4096)).toBeCloseTo((1e9 * fileType(word)!.bitsPerWeight) / 8, 0);
      // Rows that are not whole blocks take more.
      expect(bytes(96)).toBeGreaterThanOrEqual(bytes(4096) * 0.97);
    },
  );

  test.each(WEIGHT_TYPES)('%s: its products are predicted by its own bytes', (type) => {
    const { blockBytes, blockWeights, kind } = tensorType(type)!;
    const work = productWork(type, 1024, 2048, 8);
    expect(work.traffic.weightsRead).toBe((1024 * 2048 * blockBytes) / blockWeights);
    expect(work.arithmetic).toBe(kind === 'quantized' ? 'int8' : 'f16');
    expect(rowsOf(work)).toBe(8);
    expect(unpredictable([work])).toBeNull();
    // Two types were benched, of 16 and of about 4 bits: the nearer one stands in, by the logarithm.
    const [slow, fast] = [0.1, 1].map((factor) => ({
      memory: [{ rows: 1, factor: 1 }],
      compute: [{ rows: 1, factor }],
      convert: 1e9,
      startSeconds: 0,
      outputSeconds: 0,
      sharpness: 1e6,
    }));
    const factors = { ...PERFECT, products: { f16: slow!, q4_k: fast! } };
    const machineModel = measuredMachine(ROOFS, { name: 'test', memoryBytes: null }, 2, null)!;
    const context = { machineModel, workingSet: 1e9, tokens: 512, queries: 512 };
    const many = productWork(type, 1024, 2048, 4096);
    const seconds = (products: ThreadFactors['products']) =>
      predictOperator(many, { ...context, factors: { ...PERFECT, products } }).seconds;
    const near = bytesPerElement(type) < Math.sqrt(2 * bytesPerElement('q4_k')) ? fast! : slow!;
    expect(seconds(factors.products)).toBe(seconds({ [type]: near }));
  });

  test.each(TENSOR_TYPES.map(({ name }) => name))('%s: what a graph reads of it is what it takes', (type) => {
    const source = { name: 'w', type, shape: [256, 4] };
    const node = { op: 'CONT', name: 'n', type: 'f32', shape: [256, 4], sources: [source] };
    const [work] = graphWork([{ node, origins: ['stored'], inPlace: false }]);
    expect(work!.traffic.weightsRead).toBe(1024 * bytesPerElement(type));
  });

  test('that nobody knows are no guess: there is a reason instead', () => {
    const work = productWork('q4_k', 512, 512, 1);
    expect(unpredictable([work, { ...work, weights: undefined }])).toContain('that of product is not known');
    expect(unpredictable([{ ...work, weights: 'q9_z' }])).toContain('that of product is unknown (q9_z)');
    expect(() => rowsOf({ ...work, weights: 'q9_z' })).toThrow('ggml has no tensor type "q9_z"');
    expect(tensorType('constructor')).toBeNull();
  });
});
