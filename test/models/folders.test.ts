import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import { ggufToSafetensors } from '../../artifacts/conversions/gguf-to-safetensors/converter.js';
import { decodeFloats, type FloatType } from '../../core/techniques/float-types.js';
import { readQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/quantize.js';
import { openGgufTokenizer } from '../../engines/runners/llama-cpp/tokenizer.js';
import { readSpan } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { decodeValue, type GgufValue } from '../../formats/gguf/value.js';
import { writeGguf } from '../../formats/gguf/writer.js';
import { openSafetensors } from '../../formats/safetensors/reader.js';
import { readTensor } from '../../formats/tensor-data.js';
import { ggufTokenizer } from '../../formats/tokenizers/gguf-tokenizer.js';
import { publishedTokenizer } from '../../formats/tokenizers/published-tokenizer.js';
import { temporaryFolder } from '../support/folder.js';
import {
  BERT_CONFIG,
  bytePairFolder,
  PIECES,
  sentencePieceModel,
  tokenizerFolder,
  WORDS,
} from '../support/tokenizer-folders.js';
import { modelPath } from './loading.js';

const TEXTS = [
  'the king and the queen',
  " it's 1999, isn't it?\n\n  b\t",
  'naïve café 日本語 😀   the',
  'and then unaffable, a',
];

/** What llama.cpp makes of the vocabulary of a folder. */
async function idsOf(folder: string, texts: readonly string[] = TEXTS): Promise<number[][]> {
  const path = join(temporaryFolder(), 'vocabulary.gguf');
  const architecture: GgufValue = { type: 'string', value: 'llama' };
  const metadata = new Map([['general.architecture', architecture], ...ggufTokenizer(folder).metadata]);
  await writeGguf(path, { metadata, tensors: [] });
  const tokenizer = (await openGgufTokenizer(path))!;
  return texts.map((text) => [...tokenizer.tokenize(text)]);
}

/** What Hugging Face's reader makes of the tokenizer.json that is written back. */
function publishedIds(metadata: ReadonlyMap<string, GgufValue>): number[][] {
  const { files } = publishedTokenizer(metadata);
  const tokenizer = new Tokenizer(JSON.parse(files.get('tokenizer.json')!), {});
  return TEXTS.map((text) => tokenizer.encode(text, { add_special_tokens: false }).ids);
}

describe('a tokenizer of a folder in llama.cpp', () => {
  test('cuts text as Hugging Face’s reader does: byte-level BPE', async () => {
    const folder = bytePairFolder();
    const published = new Tokenizer(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')), {});
    const ids = TEXTS.map((text) => published.encode(text, { add_special_tokens: false }).ids);
    expect(await idsOf(folder)).toEqual(ids);
    expect(publishedIds(ggufTokenizer(folder).metadata)).toEqual(ids);
  });

  test('the same of SentencePiece by its scores, by merges, and written back', async () => {
    const folder = tokenizerFolder({ 'tokenizer.model': sentencePieceModel(PIECES) });
    const ids = await idsOf(folder);
    // A space in front, then `the` in one piece.
    expect(ids[0]![0]).toBe(262);
    const { metadata } = ggufTokenizer(folder);
    expect(publishedIds(metadata)).toEqual(ids);
    const merged = tokenizerFolder(Object.fromEntries(publishedTokenizer(metadata).files));
    expect(await idsOf(merged)).toEqual(ids);
  });

  test('and of WordPiece', async () => {
    const folder = tokenizerFolder({ 'vocab.txt': WORDS.join('\n'), 'tokenizer_config.json': BERT_CONFIG });
    expect((await idsOf(folder, ['The unaffable, as']))[0]).toEqual([5, 6, 7, 8, 9, 10, 11]);
  });

  test('the shipped vocabulary is the same when it is written as a folder and back', async () => {
    const path = modelPath('small');
    const metadata = new Map<string, GgufValue>();
    for (const [key, span] of readGgufHeader(path).spans)
      if (key.startsWith('tokenizer.')) metadata.set(key, decodeValue(await readSpan(path, span)));
    const folder = tokenizerFolder(Object.fromEntries(publishedTokenizer(metadata).files));
    const shipped = (await openGgufTokenizer(path))!;
    expect(await idsOf(folder)).toEqual(TEXTS.map((text) => [...shipped.tokenize(text)]));
  });
});

test('quantized weights are written as the floats that they stand for', async () => {
  const reading = readQuantization('q8_0');
  if (!reading.ok || reading.value === null) throw new Error('q8_0 is a quantization');
  const [inputPath, outputPath] = [join(temporaryFolder(), 'q8_0.gguf'), join(temporaryFolder(), 'folder')];
  const original = modelPath('tiny');
  await quantizeFile({
    inputPath: original,
    outputPath: inputPath,
    quantization: reading.value,
    imatrix: null,
    threads: 1,
  });
  const request = { inputPath, outputPath, type: 'f32', dequantize: true } as const;
  const { facts } = await ggufToSafetensors.convert(request, () => {});
  expect(facts).toMatchObject({ type: 'f32', tensors: readGgufHeader(inputPath).tensors.length });
  const values = async (tensor: Parameters<typeof readTensor>[0], type: FloatType) => {
    const chunks: Buffer[] = [];
    for await (const chunk of readTensor(tensor)) chunks.push(chunk);
    return decodeFloats(Buffer.concat(chunks), type);
  };
  const name = 'model.embed_tokens.weight';
  const written = await values(
    openSafetensors(join(outputPath, 'model.safetensors')).tensors.get(name)!,
    'f32',
  );
  const embedding = readGgufHeader(original).tensors.find((tensor) => tensor.name === 'token_embd.weight')!;
  const meant = await values(embedding, embedding.type as FloatType);
  const largest = (of: Float32Array) => of.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const away = largest(meant.map((value, i) => value - written[i]!));
  // Half a step of the largest block: its largest weight over 127.
  expect(away).toBeGreaterThan(0);
  expect(away).toBeLessThan((0.51 * largest(meant)) / 127);
});
