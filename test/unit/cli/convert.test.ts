import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ggufToOnnx } from '../../../artifacts/conversions/gguf-to-onnx/converter.js';
import { isModelAlone } from '../../../artifacts/door/make.js';
import { makeFile } from '../../../artifacts/files/make-file.js';
import type { ConvertOptions } from '../../../cli/models/command.js';
import { convertModel } from '../../../cli/models/convert.js';
import { FOREGROUND } from '../../../cli/single/foreground.js';
import { outputFolder } from '../../../cli/single/output-path.js';
import { PACKAGE_ROOT } from '../../../process/package.js';
import { temporaryFolder } from '../../support/folder.js';
import { tinyLlama, writeFolder } from '../../support/model-folder.js';

afterEach(() => vi.restoreAllMocks());

describe('a folder is replaced', () => {
  test('where it is a model and nothing else, with templates of its own', async () => {
    for (const parts of [1, 2]) {
      const folder = await writeFolder(tinyLlama(), { parts });
      expect(isModelAlone(folder, 'safetensors')).toBe(true);
      expect(isModelAlone(folder, 'onnx')).toBe(false);
      mkdirSync(join(folder, 'additional_chat_templates'));
      writeFileSync(join(folder, 'additional_chat_templates', 'rag.jinja'), '');
      expect(isModelAlone(folder, 'safetensors')).toBe(true);
    }
    const outputPath = join(temporaryFolder(), 'graph');
    const inputPath = join(PACKAGE_ROOT, 'models/tiny-f16.gguf');
    await ggufToOnnx.convert({ inputPath, outputPath, type: null, dequantize: false }, () => {});
    expect(isModelAlone(outputPath, 'onnx')).toBe(true);
  });

  test('and never where anything beside a model lies in it, or where there are no weights', async () => {
    for (const other of ['README.md', '.git/HEAD', 'src/main.py', 'additional_chat_templates/notes.txt']) {
      const folder = await writeFolder(tinyLlama());
      mkdirSync(dirname(join(folder, other)), { recursive: true });
      writeFileSync(join(folder, other), 'mine');
      expect(isModelAlone(folder, 'safetensors'), other).toBe(false);
    }
    const folder = await writeFolder(tinyLlama());
    rmSync(join(folder, 'model.safetensors'));
    expect(isModelAlone(folder, 'safetensors')).toBe(false);
    expect(() => outputFolder(folder, true, () => false)).toThrow(/holds something else/);
    // What cannot be replaced is not said to be.
    expect(() => outputFolder(folder, false, () => false)).toThrow(/holds something else/);
    expect(() => outputFolder(folder, false, () => true)).toThrow(/is there already/);
  });

  test('nor where it is, or holds, what the output is made of', async () => {
    const folder = await writeFolder(tinyLlama());
    const inputPath = join(PACKAGE_ROOT, 'models/tiny-f16.gguf');
    const step = { taskFor: () => Promise.reject(new Error('it was begun')) };
    const make = (path: string, alsoOf: readonly string[], from = inputPath) => {
      const of = { path: from, digest: '' };
      const settings = { ...FOREGROUND, cacheFolder: temporaryFolder() };
      return makeFile({ path, of, step, alsoOf, bytes: 1, what: 'x', line: 'x' }, settings);
    };
    const inner = join(folder, 'config.json');
    for (const [path, alsoOf] of [
      [folder, [folder]],
      [folder, [inner]],
      [dirname(folder), [folder]],
    ] as const)
      await expect(make(path, alsoOf)).rejects.toThrow(/would replace .* made/);
    await expect(make(folder, [], inner)).rejects.toThrow(/would replace/);
    // What lies beside it, or a base that is not there, is in nobody's way.
    const path = join(folder, 'new');
    for (const alsoOf of [[folder], [join(folder, 'nowhere')]])
      await expect(make(path, alsoOf)).rejects.toThrow(/it was begun/);
  });
});

describe('what is asked for is refused', () => {
  const convert = async (source: string, options: Partial<ConvertOptions>) => {
    try {
      await convertModel(source, { models: [], to: 'gguf', ...options });
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it was converted');
  };

  test('for a base where nothing is taken of it', async () => {
    for (const to of ['gguf', 'onnx'] as const)
      expect(await convert('x.gguf', { to, base: 'y' })).toMatch(/--base says .*, and .* is written/);
  });

  test('as what it is already only where that is so', async () => {
    const here = temporaryFolder();
    vi.spyOn(process, 'cwd').mockReturnValue(here);
    mkdirSync(join(here, 'm'));
    await writeFolder(tinyLlama(), { at: join(here, 'm') });
    expect(await convert('m', { to: 'safetensors' })).toMatch(/m is safetensors already/);
    expect(await convert('m', { to: 'onnx', out: 'm' })).toMatch(/m is there, and holds something else/);
    expect(await convert('m', { to: 'safetensors', out: 'm' })).toMatch(/m is there already/);
  });
});
