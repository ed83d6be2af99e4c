import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writePacked } from '../../../artifacts/files/packed-file.js';
import { packMatrix } from '../../../core/techniques/packing/pack.js';
import { PACKED_FORMATS } from '../../../core/techniques/packing/packed.js';
import { PACKED_TYPES } from '../../../core/techniques/packing/values.js';
import { sharedFolder } from '../../support/folder.js';
import { openPacked, unpackMatrix } from '../../support/packed-reader.js';

const folder = sharedFolder();

/** Two of every four weights, in numbers that every type holds. */
const matrix = (rows: number, columns: number) => ({
  rows,
  columns,
  values: Float32Array.from({ length: rows * columns }, (_, i) => (i % 4 < 2 ? (i % 2 ? 127 : -127) : 0)),
});
const MATRICES = { 'blk.0.attn_q.weight': matrix(3, 72), 'blk.0.ffn_down.weight': matrix(5, 128) };

describe('a packed file', () => {
  const cases = PACKED_FORMATS.flatMap((format) => PACKED_TYPES.map((type) => [format, type] as const));
  test.each(cases)('of %s %s gives back what was written', async (format, type) => {
    const path = join(folder, `${format.replace(':', '')}-${type}.safetensors`);
    const sources = Object.entries(MATRICES).map(([name, dense]) => ({
      name,
      rows: dense.rows,
      columns: dense.columns,
      kept: dense.values.length / 2,
      pack: () => packMatrix(name, dense, format, type),
    }));
    await writePacked(path, format, type, sources);
    const file = openPacked(path);
    expect(file.manifest).toMatchObject({ format, type });
    for (const [name, dense] of Object.entries(MATRICES)) {
      expect(unpackMatrix(await file.read(name))).toEqual(dense);
    }
  });
});
