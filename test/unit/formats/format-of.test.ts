import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Format, FormatError } from '../../../formats/format.js';
import { FORMATS, formatOf } from '../../../formats/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A format that no code but this file knows. */
const planted: Format = {
  name: 'planted',
  title: 'planted (.plant)',
  magic: 'PLNT',
  claims: (path) => path.endsWith('.plant'),
  inspect: () => {
    throw new FormatError('it says nothing');
  },
  shapes: () => ({ ok: false, reason: 'it has no layers', hint: 'Plant some.' }),
};

describe('the format of a file', () => {
  test('is told by magic bytes, whatever the name says', () => {
    expect(formatOf(file('model.onnx', 'GGUF and more')).name).toBe('gguf');
  });

  test('without them by the name, so that its own reader says what is wrong', () => {
    const path = file('broken.gguf', 'x'.repeat(30));
    expect(() => formatOf(path).shapes(path)).toThrow('it does not begin with GGUF');
    expect(formatOf(file('graph.onnx', '\u0008')).name).toBe('onnx');
  });

  test('of a folder by what it holds', () => {
    mkdirSync(join(folder, 'published'));
    writeFileSync(join(folder, 'published', 'config.json'), '{}');
    expect(formatOf(join(folder, 'published')).name).toBe('safetensors');
    mkdirSync(join(folder, 'empty'));
    expect(() => formatOf(join(folder, 'empty'))).toThrow(FormatError);
  });

  test('is refused with one sentence that names every format', () => {
    const path = file('notes.txt', 'hello');
    for (const { title } of FORMATS) expect(() => formatOf(path)).toThrow(title);
  });

  test('is not asked of what is neither a file nor a folder', () => {
    expect(() => formatOf('/dev/null')).toThrow('it is neither a file nor a folder');
  });

  test('may be one more entry of the list', () => {
    const formats = [...FORMATS, planted];
    expect(formatOf(file('a.bin', 'PLNT1'), formats).shapes('')).toMatchObject({
      reason: 'it has no layers',
    });
    expect(formatOf(file('b.plant', ''), formats)).toBe(planted);
    expect(() => formatOf(join(folder, 'b.plant'))).toThrow('none of the formats');
  });
});
