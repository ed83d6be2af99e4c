import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BasicType, parquetWriteBuffer } from 'hyparquet-writer';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createProgram } from '../../../cli/program.js';
import { operatorFactorsSchema } from '../../../roofline/operators/factors-file.js';
import { sharedFolder } from '../../support/folder.js';

const TABLES = join(import.meta.dirname, '../../fixtures/operator-tables');
const base = sharedFolder();
let folder: string;
let number = 0;
beforeEach(() => {
  folder = join(base, `tables-${number++}`);
  mkdirSync(folder);
});

type Column = readonly [name: string, type: BasicType, data: unknown[]];

/** Sixteen products of matrices, with columns replaced or left out (null). */
function writeProducts(changes: Readonly<Record<string, unknown[] | null>>, device = 'h100_sxm'): void {
  const rows = [1, 16, 256, 4096].flatMap((m) => [64, 1024, 4096, 8192].map((n) => ({ m, n })));
  const columns: readonly Column[] = [
    ['gemm_dtype', 'STRING', rows.map(() => 'bfloat16')],
    ['m', 'INT32', rows.map(({ m }) => m)],
    ['n', 'INT32', rows.map(({ n }) => n)],
    ['k', 'INT32', rows.map(() => 4096)],
    ['latency', 'DOUBLE', rows.map(({ m, n }) => 0.003 + (m * n * 4096) / 2e11 + (n * 4096) / 1e9)],
  ];
  const columnData = columns.flatMap(([name, type, data]) => {
    const changed = name in changes ? changes[name]! : data;
    return changed === null
      ? []
      : [{ name, type, data: data.map((value, index) => changed[index] ?? value) }];
  });
  const path = join(folder, device, 'gemm/vllm/0.24.0/gemm_perf.parquet');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData })));
}

const all = (value: unknown) => Array.from({ length: 16 }, () => value);

async function run(...words: string[]): Promise<{ said: string; printed: string; error: string | null }> {
  const [said, printed] = [process.stderr, process.stdout].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  );
  let error: string | null = null;
  try {
    await (await createProgram()).parseAsync(['node', 'ridge', 'factors', '--from', folder, ...words]);
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  const texts = [said!, printed!].map((spy) => {
    const text = spy.mock.calls.map(([chunk]) => chunk).join('');
    spy.mockRestore();
    return text;
  });
  return { said: texts[0]!, printed: texts[1]!, error };
}

describe('ridge factors --from', () => {
  test('fits measured tables, corrects them in the open, and keeps the factors', async () => {
    cpSync(TABLES, folder, { recursive: true });
    const out = join(folder, 'out');
    const { said, printed, error } = await run('--out', out);
    expect(error).toBeNull();
    expect(said).toContain('the host was timed and not the device');
    expect(printed).toMatch(/product +vLLM +0\.24\.0 +1 /);
    expect(printed).toMatch(/collective +NCCL +2\.29\.2/);
    const kept = operatorFactorsSchema.parse(JSON.parse(readFileSync(join(out, 'h100.json'), 'utf8')));
    const fp8 = kept.tables.find(({ engine, surface }) => engine === 'trtllm' && surface === 'fp8')!;
    expect(fp8.launchSeconds - fp8.excessSeconds).toBeLessThan(6e-6);
    expect(fp8.excessSeconds).toBeGreaterThan(5e-6);
  });

  test.each<[what: string, Readonly<Record<string, unknown[] | null>>, sentence: RegExp]>([
    ['another layout', { k: null }, /gemm_perf\.parquet has no column k/],
    ['a negative time', { latency: [-3] }, /1 of 16 rows .* latency is -3 ms, and a time is above 0/],
    ['a time beyond any', { latency: [1e9] }, /which is longer than any operator runs/],
    ['an unknown type', { gemm_dtype: ['fp6'] }, /gemm_dtype is "fp6", which is not a known type/],
    ['a size that cannot be', { m: [0] }, /m is 0, not a whole number above 0/],
  ])('says in a sentence what is wrong: %s', async (_what, changes, sentence) => {
    writeProducts(changes);
    expect((await run()).said).toMatch(sentence);
  });

  test.each([
    ['seconds', 1e-3, /times as short as the device's roofs allow, so they cannot be in milliseconds/],
    ['microseconds', 1e3, /which no launch does, so they cannot be in milliseconds/],
  ])('refuses times in %s', async (_unit, scale, sentence) => {
    writeProducts({ latency: all(null).map((_, index) => scale * (0.02 + index / 1e3)) });
    const { said, error } = await run();
    expect(said).toMatch(sentence);
    expect(error).toMatch(/nothing of .* can be used/);
  });

  test('names devices that it does not know, and folders without any', async () => {
    expect((await run()).error).toMatch(/has no folders of devices/);
    writeProducts({}, 'h1000');
    expect((await run()).error).toMatch(
      /none of the folders of .* \(h1000\) is of a device in the hardware catalogue/,
    );
    writeProducts({});
    const { said, error } = await run();
    expect(error).toBeNull();
    expect(said).toContain('left out: h1000, which is not in the hardware catalogue');
    expect((await run('--device', 'b200')).error).toMatch(/has no tables of "b200"/);
  });

  test('says so where a file is no Parquet', async () => {
    writeProducts({});
    writeFileSync(join(folder, 'h100_sxm/gemm/vllm/0.24.0/gemm_perf.parquet'), 'version https://git-lfs');
    expect((await run()).said).toMatch(/gemm_perf\.parquet cannot be read as Parquet/);
  });
});
