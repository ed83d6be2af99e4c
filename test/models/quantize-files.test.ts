import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FailureError } from '../../core/errors.js';
import { readQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { writeMadeUpMatrix } from '../support/importance-matrix.js';
import { modelPath } from './loading.js';

const folder = sharedFolder();
const matrix = join(folder, 'matrix.gguf');
beforeAll(() => writeMadeUpMatrix(modelPath('tiny'), matrix));

async function quantize(model: string, word: string, imatrix: string | null = null) {
  const reading = readQuantization(word, imatrix !== null);
  if (!reading.ok || reading.value === null) throw new Error(word);
  const outputPath = join(folder, 'out.gguf');
  const made = await quantizeFile({
    inputPath: modelPath(model),
    outputPath,
    quantization: reading.value,
    imatrix: imatrix === null ? null : { path: imatrix, name: 'matrix.gguf' },
    threads: 1,
  });
  return { ...made, outputPath };
}

/**
 * The first digits of the SHA-256 of what llama-quantize v0.4.0 wrote on Linux x64 of the same input, the
 * tool on the shipped libraries (test/bench/peers/llama-cpp.ts); the matrix was called `matrix.gguf`.
 */
const FILES: readonly [string, string, boolean, string][] = [
  ['tiny', 'q8_0', false, '309f8913db1a0848'],
  ['tiny', 'q4_k_m', false, 'a168400e9eedc710'],
  ['small', 'q4_k_m', false, '7fdfa967e32fd95d'],
  ['small', 'tq2_0', false, 'f63d7e41ccd8e229'],
  ['small', 'mxfp4_moe', false, '2370c504e02624dd'],
  ['tiny', 'q4_0?pure=true', false, '920b210cff3f9057'],
  ['tiny', 'q4_0?outputType=q5_0&tensorTypes=attn_v:q8_0,ffn_(up|gate):q5_1', false, '627f5de703e11c4d'],
  ['tiny', 'q4_0', true, '9c65090499cb254a'],
  ['tiny', 'iq2_xs', true, 'ff50ee101eec78ed'],
];

// Elsewhere compilers may fuse a multiplication and an addition, and scales round otherwise.
describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the file of llama-quantize', () => {
  test.each(FILES)('%s %s, matrix: %s', async (model, word, hasMatrix, digest) => {
    const { outputPath } = await quantize(model, word, hasMatrix ? matrix : null);
    expect(createHash('sha256').update(readFileSync(outputPath)).digest('hex').slice(0, 16)).toBe(digest);
  });
});

test('overrides give tensors their types; what they did not get is said', async () => {
  const { outputPath, warnings } = await quantize('tiny', 'q4_0?tensorTypes=attn_v:q8_0,blk\\.1\\..*:q6_k');
  const types = new Map(readGgufHeader(outputPath).tensors.map(({ name, type }) => [name, type]));
  expect(types.get('blk.0.attn_v.weight')).toBe('q8_0');
  expect(types.get('blk.1.attn_v.weight')).toBe('q8_0');
  expect(types.get('blk.1.ffn_down.weight')).toBe('q6_k');
  expect(types.get('blk.2.ffn_down.weight')).toBe('q4_0');
  expect(warnings).toContain('blk\\.1\\..*:q6_k: 5 of 6 tensors got q8_0 instead');
});

test('why tensors fell back is a fact', async () => {
  const { facts } = await quantize('tiny', 'q4_k_m');
  expect(facts.fallbacks).toContain('q4_k became q5_0 where rows of 128 weights are no blocks of 256: ');
  expect((await quantize('tiny', 'q8_0')).facts.fallbacks).toBeNull();
});

describe('bad input', () => {
  const reason = async (work: Promise<unknown>) => {
    const error = await work.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FailureError);
    return (error as FailureError).failure;
  };

  test('an override that no tensor has', async () => {
    const { message, hint } = await reason(quantize('tiny', 'q4_0?tensorTypes=attn_w:q8_0'));
    expect(message).toBe('attn_w:q8_0 matches no matrix of the model');
    expect(hint).toContain('blk.0.attn_v.weight');
  });

  test('a type that the vocabulary cannot have, on which the engine would abort', async () => {
    expect((await reason(quantize('tiny', 'q4_0?embeddingType=q6_k'))).message).toContain('blocks of 256');
  });

  test('a matrix that is none, is cut off, or is of another model', async () => {
    const file = join(folder, 'bad.gguf');
    writeFileSync(file, 'no matrix');
    expect((await reason(quantize('tiny', 'iq2_xs', file))).message).toMatch(
      /bad.gguf is no importance matrix: it is 9 bytes/,
    );
    writeFileSync(file, readFileSync(matrix).subarray(0, 5000));
    expect((await reason(quantize('tiny', 'iq2_xs', file))).message).toContain('is no importance matrix');
    const model = await reason(quantize('tiny', 'iq2_xs', modelPath('tiny')));
    expect(model.message).toContain('it has no imatrix.datasets');
    const other = await reason(quantize('small', 'iq2_xs', matrix));
    expect(other.message).toMatch(
      /imatrix size 128 is different from tensor size 256|Missing importance matrix/,
    );
  });
});
