import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { groupBy } from '../../core/maps.js';
import { hardwareNamed } from '../../roofline/hardware/catalogue.js';
import type { Hardware } from '../../roofline/hardware/figure.js';
import { FAMILIES } from '../../roofline/operators/families.js';
import type { Measurement, Table } from '../../roofline/operators/family.js';
import type { MeasuredFamily } from '../../roofline/operators/fit-device.js';
import { TableError, TableRow } from '../../roofline/operators/table-row.js';

// A folder of tables of measured operators is laid out
// as <device>/<family>/<engine>/<release>/<table>.parquet.

/** Tables of one device, and what was left out, a sentence each. */
export interface ReadTables {
  readonly measured: readonly MeasuredFamily[];
  readonly leftOut: readonly string[];
}

/**
 * @param folder with one for each device, in itself or in its `data`.
 * @returns the devices that it has tables of, and the names of folders that no known device has.
 */
export async function devicesIn(
  folder: string,
): Promise<{ devices: [Hardware, string][]; unknown: string[] }> {
  const isAbove = (await foldersIn(folder)).includes('data');
  const place = isAbove ? join(folder, 'data') : folder;
  const names = await foldersIn(place);
  const found = names.map((name) => [hardwareNamed(name), name] as const);
  return {
    devices: found.flatMap(([device, name]) => (device === null ? [] : [[device, join(place, name)]])),
    unknown: found.flatMap(([device, name]) => (device === null ? [name] : [])),
  };
}

/**
 * Reads the tables of every engine and release.
 * @param folder of one device.
 * @param families left out = all.
 */
export async function readTables(folder: string, families?: readonly string[]): Promise<ReadTables> {
  const measured: MeasuredFamily[] = [];
  const leftOut: string[] = [];
  for (const family of FAMILIES.filter(({ name }) => families?.includes(name) ?? true)) {
    for (const table of family.tables) {
      for (const engine of await foldersIn(join(folder, table.folder))) {
        for (const release of await foldersIn(join(folder, table.folder, engine))) {
          const place = join(folder, table.folder, engine, release);
          if (!(await filesIn(place)).includes(table.file)) continue;
          const read = await readFile(join(place, table.file), table);
          leftOut.push(...read.leftOut);
          if (read.measurements.length > 0)
            measured.push({ engine, release, family, measurements: read.measurements });
        }
      }
    }
  }
  return { measured: joined(measured), leftOut };
}

/** Two tables of a family and engine are one, as far as their releases are. */
function joined(measured: readonly MeasuredFamily[]): MeasuredFamily[] {
  const groups = groupBy(measured, ({ family, engine, release }) => `${family.name} ${engine} ${release}`);
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    measurements: group.flatMap(({ measurements }) => measurements),
  }));
}

interface ReadTable {
  readonly measurements: Measurement[];
  readonly leftOut: string[];
}

async function readFile(path: string, table: Table<Measurement['call']>): Promise<ReadTable> {
  let rows: Rows;
  try {
    rows = await rowsOf(path, table.columns);
  } catch (error) {
    return { measurements: [], leftOut: [`${path} cannot be read as Parquet: ${(error as Error).message}`] };
  }
  if ('missing' in rows)
    return { measurements: [], leftOut: [`${path} has no column ${rows.missing.join(', ')}`] };
  const measurements: Measurement[] = [];
  const refused: string[] = [];
  for (const [index, values] of rows.values.entries()) {
    try {
      const one = table.measurementOf(new TableRow(values, `row ${index + 1} of ${path}`));
      if (one !== null) measurements.push(one);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      refused.push(error.message);
    }
  }
  if (refused.length === 0) return { measurements, leftOut: [] };
  const sentence = `${refused.length} of ${rows.values.length} rows are left out; the first is ${refused[0]}`;
  return { measurements, leftOut: [sentence] };
}

type Rows = { readonly values: Record<string, unknown>[] } | { readonly missing: string[] };

async function rowsOf(path: string, wanted: readonly string[]): Promise<Rows> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  const missing = wanted.filter((column) => !columns.includes(column));
  if (missing.length > 0) return { missing };
  const compressors = { ZSTD: (input: Uint8Array) => decompress(input) };
  return { values: await parquetReadObjects({ file, metadata, compressors }) };
}

const foldersIn = async (folder: string) => await namesIn(folder, true);
const filesIn = async (folder: string) => await namesIn(folder, false);

/** @returns what a folder contains, sorted; nothing where there is no such folder. */
async function namesIn(folder: string, areFolders: boolean): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() === areFolders)
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}
