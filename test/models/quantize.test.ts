import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FailureError } from '../../core/errors.js';
import { plainQuantization, readQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { sharedFolder } from '../support/folder.js';
import { load, modelPath, prompt, rootMeanSquare } from './loading.js';

const folder = sharedFolder();

const quantize = (
  model: string,
  word: string,
  name = `${word.replaceAll(/\W/g, '-')}.gguf`,
  imatrix?: string,
) => {
  const outputPath = join(folder, name);
  const reading = readQuantization(word, imatrix !== undefined);
  const quantization = reading.ok && reading.value !== null ? reading.value : plainQuantization(word);
  return quantizeFile({
    inputPath: modelPath(model),
    outputPath,
    quantization,
    imatrix: imatrix === undefined ? null : { path: imatrix, name: 'matrix.gguf' },
    threads: 2,
  }).then((made) => ({ ...made, outputPath }));
};
const tokens = prompt(48, 9);

/**
 * Every type that needs no importance matrix, and how far its logits may be from those of f16 (their own
 * spread is about 3).
 */
const TYPES: readonly [string, number][] = [
  ['f32', 0.01],
  ['bf16', 0.03],
  ['q8_0', 0.08],
  ['q6_k', 0.12],
  ['q5_k_m', 0.2],
  ['q5_k_s', 0.2],
  ['q5_1', 0.25],
  ['q5_0', 0.25],
  ['q4_k_m', 0.4],
  ['q4_k_s', 0.4],
  ['q4_1', 0.4],
  ['q4_0', 0.4],
  ['iq4_nl', 0.3],
  ['iq4_xs', 0.3],
  ['q3_k_l', 0.5],
  ['q3_k_m', 0.5],
  ['q3_k_s', 0.5],
  ['iq3_s', 0.7],
  ['q2_k', 2],
];

describe('quantization', () => {
  const reference = async (): Promise<{ logits: Float32Array; parameters: number | null }> => {
    const model = await load('small', {}, { contextTokens: 64 });
    model.prefill([tokens]);
    const logits = model.logits(0);
    model.close();
    return { logits, parameters: model.facts.parameters };
  };

  test.each(TYPES)('%s is made, loads, and stays near the original', async (name, tolerance) => {
    const original = await reference();
    const { bytes, outputPath } = await quantize('small', name);
    const model = await load(outputPath, {}, { contextTokens: 64 });
    model.prefill([tokens]);
    const error = rootMeanSquare(model.logits(0), original.logits);
    expect(error).toBeLessThan(tolerance);
    expect(model.facts.parameters).toBe(original.parameters);
    // The weights are what the file holds, but for metadata.
    const rest = bytes - (model.facts.modelBytes ?? 0);
    expect(rest).toBeGreaterThan(0);
    expect(rest).toBeLessThan(200_000);
    model.close();
  });

  test('sizes follow the bits per weight', async () => {
    const q8 = await quantize('small', 'q8_0');
    const q4 = await quantize('small', 'q4_0');
    const q2 = await quantize('small', 'q2_k');
    expect(q4.bytes / q8.bytes).toBeCloseTo(4.5 / 8.5, 1);
    expect(q2.bytes).toBeLessThan(q4.bytes);
  });

  test('tensors that got another type are told', async () => {
    // Rows of the tiny model have 128 elements; K-quants need 256.
    expect((await quantize('tiny', 'q4_k_m')).warnings).toEqual([
      '24 of 38 tensor(s) do not allow q4_k_m and got a larger type',
    ]);
    expect((await quantize('tiny', 'q8_0')).warnings).toEqual([]);
  });

  test('says how far it is, tensor by tensor', async () => {
    const steps: [number, number][] = [];
    const request = {
      inputPath: modelPath('tiny'),
      outputPath: join(folder, 'p.gguf'),
      quantization: plainQuantization('q8_0'),
      imatrix: null,
      threads: 1,
    };
    await quantizeFile(request, (done, of) => void steps.push([done, of]));
    expect(steps).toEqual(Array.from({ length: 38 }, (_, i) => [i + 1, 38]));
  });

  test('a failure says why, what to do, and leaves no file', async () => {
    const reason = async (work: Promise<unknown>) => {
      const error = await work.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(FailureError);
      return (error as FailureError).failure;
    };
    const matrix = await reason(quantize('small', 'iq2_xxs'));
    expect(matrix).toMatchObject({ code: 'artifact-failed' });
    expect(matrix.message).toContain('importance matrix');
    expect(existsSync(join(folder, 'iq2_xxs.gguf'))).toBe(false);

    const { outputPath } = await quantize('small', 'q4_0', 'base.gguf');
    const again = await reason(quantize(outputPath, 'q8_0', 'again.gguf'));
    expect(again.message).toContain('requantizing');
    expect(again.hint).toContain('f16');

    expect((await reason(quantize('small', 'q9_z'))).message).toContain('q9_z');
    expect((await reason(quantize('/nowhere/x.gguf', 'q8_0'))).code).toBe('model-missing');
  });
});
