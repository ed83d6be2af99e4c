import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { toFailure } from '../../../core/errors.js';
import { partName, partPath, partPaths, withoutPart } from '../../../core/models/parts.js';
import { nameFromSource } from '../../../core/sweep/resolve.js';
import { copyGguf } from '../../../formats/gguf/copy.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { formatOf } from '../../../formats/index.js';
import { modelsIn } from '../../../formats/scan.js';
import { temporaryFolder } from '../../support/folder.js';
import { splitGguf } from '../../support/split-gguf.js';

const tiny = join(builtinFolder(), 'tiny-f16.gguf');

describe('the name of a part', () => {
  test('says which of how many, and leads to the others', () => {
    const part = partName('/m/a-00002-of-00003.gguf');
    expect(part).toMatchObject({ number: 2, count: 3 });
    expect(part?.pathOf(1)).toBe('/m/a-00001-of-00003.gguf');
    expect(partPaths('a-00002-of-00002.GGUF')).toEqual(['a-00001-of-00002.GGUF', 'a-00002-of-00002.GGUF']);
    expect(partPath('/m/a.gguf', 3, 12)).toBe('/m/a-00003-of-00012.gguf');
    expect(withoutPart('/m/a-00002-of-00003.gguf')).toBe('/m/a.gguf');
    expect(nameFromSource('/m/a-q8-00001-of-00003.gguf')).toBe('a-q8');
  });

  test.each([
    'a.gguf',
    'a-1-of-3.gguf',
    'a-00004-of-00003.gguf',
    'a-00000-of-00003.gguf',
    'a-00001-of-00003.bin',
  ])('%s is none', (name) => {
    expect(partName(name)).toBeNull();
    expect(partPaths(name)).toEqual([name]);
  });
});

describe('a model in parts', () => {
  const resolved = (source: string, folder: string) =>
    resolveModel(source, { modelFolders: [folder], cacheFolder: temporaryFolder() });
  const refusal = async (source: string, folder: string) =>
    await resolved(source, folder).then(
      () => 'nothing was refused',
      (error) => {
        const { message, hint } = toFailure(error);
        return `${message}. ${hint}`;
      },
    );

  test('says what the whole model says; bytes and digest are of all parts', async () => {
    const folder = temporaryFolder();
    const parts = await splitGguf(tiny, folder, 3);
    const [whole, split] = [await resolved('builtin:tiny', folder), await resolved(parts[0]!, folder)];
    const bytes = parts.reduce((sum, path) => sum + statSync(path).size, 0);
    expect(split.facts).toEqual({ ...whole.facts, bytes });
    expect(split).toMatchObject({ path: parts[0], weightBytes: whole.weightBytes });
    expect(
      formatOf(parts[0]!)
        .details(parts[0]!)
        .tensors.map(({ name }) => name),
    ).toEqual(
      formatOf(tiny)
        .details(tiny)
        .tensors.map(({ name }) => name),
    );
    expect(formatOf(parts[0]!).shapes(parts[0]!)).toEqual(formatOf(tiny).shapes(tiny));
    expect(formatOf(parts[0]!).files(parts[0]!)).toEqual(parts);
    // One other byte in the last part is another model.
    const changed = readFileSync(parts[2]!);
    changed[changed.length - 1]! ^= 1;
    const other = temporaryFolder();
    for (const path of parts) copyFileSync(path, join(other, basename(path)));
    writeFileSync(join(other, basename(parts[2]!)), changed);
    expect((await resolved(join(other, basename(parts[0]!)), other)).digest).not.toBe(split.digest);
  });

  test('becomes one file where a technique changes it, the same as of the whole model', async () => {
    const folder = temporaryFolder();
    const [first] = await splitGguf(tiny, folder, 4);
    const [ofParts, ofWhole] = [join(folder, 'joined.gguf'), join(folder, 'copied.gguf')];
    await copyGguf(first!, ofParts);
    await copyGguf(tiny, ofWhole);
    expect(readFileSync(ofParts).equals(readFileSync(ofWhole))).toBe(true);
  });

  test('is one model of a folder', async () => {
    const folder = temporaryFolder();
    const parts = await splitGguf(tiny, folder, 3);
    copyFileSync(tiny, join(folder, 'whole.gguf'));
    expect(modelsIn(folder)).toEqual([parts[0], join(folder, 'whole.gguf')]);
  });

  test('that lacks a part, or is named by a later one or by another name, is told in a sentence', async () => {
    const folder = temporaryFolder();
    const parts = await splitGguf(tiny, folder, 3);
    expect(await refusal(parts[1]!, folder)).toMatch(
      /it is part 2 of 3 of a model\. Name tiny-f16-00001-of-00003\.gguf instead/,
    );
    rmSync(parts[2]!);
    expect(await refusal(parts[0]!, folder)).toMatch(
      /the model .+ is not usable: part 3 of 3 is missing: tiny-f16-00003-of-00003\.gguf\. Put all parts/,
    );
    copyFileSync(parts[1]!, parts[2]!);
    expect(await refusal(parts[0]!, folder)).toMatch(/tiny-f16-00003-of-00003\.gguf is not part 3 of 3/);
    renameSync(parts[0]!, join(folder, 'first.gguf'));
    expect(await refusal('first.gguf', folder)).toMatch(
      /it is the first of 3 parts, and is not called NAME-00001-of-00003\.gguf/,
    );
  });

  test('may be links, as a cache of the hub has them, that lead into a model folder', async () => {
    const folder = temporaryFolder();
    const parts = await splitGguf(tiny, folder, 2);
    const links = join(folder, 'snapshot');
    mkdirSync(links);
    for (const [i, path] of parts.entries()) {
      renameSync(path, join(folder, `blob${i}`));
      symlinkSync(join(folder, `blob${i}`), join(links, basename(path)));
    }
    const { path, facts } = await resolved('snapshot/tiny-f16-00001-of-00002.gguf', folder);
    expect(readGgufHeader(path!).tensors).toHaveLength(readGgufHeader(tiny).tensors.length);
    expect(facts.layers).toBe(4);
    const elsewhere = temporaryFolder();
    renameSync(join(folder, 'blob1'), join(elsewhere, 'blob1'));
    rmSync(join(links, basename(parts[1]!)));
    symlinkSync(join(elsewhere, 'blob1'), join(links, basename(parts[1]!)));
    expect(await refusal('snapshot/tiny-f16-00001-of-00002.gguf', folder)).toMatch(
      /not inside a model folder/,
    );
  });
});
