import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BENCH_OPTIONS, flagsOf, spelledOut } from '../../../cli/bench/flags.js';
import { CommandError } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { ALSO_KNOWN_AS } from '../../../core/sweep/fields.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import type { Sweep } from '../../../core/sweep/spec.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => vi.restoreAllMocks());

const bench = async (...flags: string[]) =>
  await (await createProgram()).parseAsync(
    ['node', 'ridge', 'bench', ...flags].concat('--save', join(folder, 'sweep.yaml')),
  );

/** The sweep that `ridge bench -m builtin:tiny …` writes. */
async function sweepOf(...flags: string[]): Promise<Sweep> {
  await bench('-m', 'builtin:tiny', ...flags);
  return sound(parseSweep(readFileSync(join(folder, 'sweep.yaml'), 'utf8'))).sweep;
}
const valuesOf = (sweep: Sweep, name: string) =>
  [...sweep.runners, ...sweep.workloads].flatMap(({ axes }) => axes).find((axis) => axis.name === name)
    ?.values;

describe('ridge bench makes a sweep of flags', () => {
  test('lists, repeated flags and names of several letters after one dash or two', async () => {
    const sweep = await sweepOf(...'-p 512 -n 128,256 -t 2 -t 4 -ctk f16,q8_0 --ctv q8_0 -ub 256'.split(' '));
    expect(sweep.models).toMatchObject([{ name: 'tiny', source: 'builtin:tiny' }]);
    expect(sweep.runners).toHaveLength(1);
    expect(sweep.workloads).toHaveLength(1);
    expect(valuesOf(sweep, 'promptTokens')).toEqual([512]);
    expect(valuesOf(sweep, 'generateTokens')).toEqual([128, 256]);
    expect(valuesOf(sweep, 'threads')).toEqual([2, 4]);
    expect(valuesOf(sweep, 'kvCacheTypeK')).toEqual(['f16', 'q8_0']);
    expect(valuesOf(sweep, 'kvCacheTypeV')).toEqual(['q8_0']);
    expect(valuesOf(sweep, 'ubatch')).toEqual([256]);
    expect(planSpace(sweep).total).toBe(8);
  });

  test("llama-bench's ranges, alone and in lists", async () => {
    const sweep = await sweepOf('-t', '1-3', '-p', '128-1024*2,7', '-d', '0-512+256');
    expect(valuesOf(sweep, 'threads')).toEqual([1, 2, 3]);
    expect(valuesOf(sweep, 'promptTokens')).toEqual([128, 256, 512, 1024, 7]);
    expect(valuesOf(sweep, 'contextDepth')).toEqual([0, 256, 512]);
  });

  test('its words for truth, where the option has them', async () => {
    const sweep = await sweepOf(
      '-fa',
      '0,on,auto',
      '-mmp',
      '1,0',
      '-ngl',
      '99,all',
      '--device',
      'cuda',
      '--poll',
      '0',
      '-t',
      'null,2',
    );
    expect(valuesOf(sweep, 'flashAttention')).toEqual([false, true, 'auto']);
    expect(valuesOf(sweep, 'mmap')).toEqual([true, false]);
    expect(valuesOf(sweep, 'gpuLayers')).toEqual([99, 'all']);
    expect(valuesOf(sweep, 'poll')).toEqual([0]);
    expect(valuesOf(sweep, 'threads')).toEqual([null, 2]);
  });

  test('its long names, repetitions, devices and several models', async () => {
    const sweep = await sweepOf(
      ...'--model builtin:small --n-prompt 64 --n-gen=16 --n-depth 8 --batch-size 64'.split(' '),
      ...['--ubatch-size', '32', '--cache-type-k', 'q8_0', '--cache-type-v', 'f16', '--threads', '2'],
      ...['--n-gpu-layers', '5', '--flash-attn', '1', '--mmap', '0', '--repetitions', '7', '-dev', 'cuda'],
    );
    const axes = [...sweep.runners, ...sweep.workloads].flatMap((block) => block.axes);
    expect(Object.fromEntries(axes.map(({ name, values }) => [name, values]))).toMatchObject({
      promptTokens: [64],
      generateTokens: [16],
      contextDepth: [8],
      batch: [64],
      ubatch: [32],
      kvCacheTypeK: ['q8_0'],
      kvCacheTypeV: ['f16'],
      threads: [2],
      gpuLayers: [5],
      flashAttention: [true],
      mmap: [false],
    });
    expect(sweep.models.map(({ name }) => name)).toEqual(['tiny', 'small']);
    expect(sweep.measure).toMatchObject({ minRepeats: 7, maxRepeats: 7 });
    expect(sweep.placement.devices).toEqual(['cuda']);
  });

  test('pairs of prompt and decode tokens are rows of their own, beside those of -p and -n where they are said', async () => {
    const tokens = ({ workloads }: Sweep) =>
      workloads.map(({ axes }) =>
        ['promptTokens', 'generateTokens', 'parallel'].map(
          (name) => axes.find((axis) => axis.name === name)?.values,
        ),
      );
    const pairs = await sweepOf('-pg', '64,16', '-pg', '128,8', '--parallel', '2');
    expect(tokens(pairs)).toEqual([
      [[64], [16], [2]],
      [[128], [8], [2]],
    ]);
    expect(planSpace(pairs).count).toBe(2);
    rmSync(join(folder, 'sweep.yaml'));
    const both = await sweepOf('-p', '32', '-n', '0', '-pg', '64,16');
    expect(tokens(both)).toEqual([
      [[32], [0], [1]],
      [[64], [16], [1]],
    ]);
  });

  test('without flags it is the model with every default, one start of a warm-up and five repeats, as there', async () => {
    const sweep = await sweepOf();
    expect(sweep.name).toMatch(/^bench-[0-9a-f]{6}$/);
    const measure = '{ starts: 1, minRepeats: 5, maxRepeats: 5, maxSeconds: null, maxWarmups: 1 }';
    const written = parseSweep(
      `metadata: { name: ${sweep.name} }\nspec: { models: builtin:tiny, measure: ${measure}, placement: { driftControl: false } }`,
    );
    expect(written).toEqual({ ok: true, sweep });
  });

  test('every other spelling of an option leads to the flag of that option', async () => {
    const command = (await createProgram()).commands.find((one) => one.name() === 'bench');
    const spellings = [...ALSO_KNOWN_AS].filter(([, option]) =>
      BENCH_OPTIONS.some(({ name }) => name === option),
    );
    expect(spellings.length).toBeGreaterThan(30);
    for (const [word, option] of [...spellings, ...BENCH_OPTIONS.map(({ name }) => [name, name] as const)]) {
      const flag = spelledOut(word.length === 1 ? `-${word}` : `--${word.replaceAll('_', '-')}`);
      const found = command?.options.find(({ short, long }) => [short, long].includes(flag));
      expect(found?.attributeName(), word).toBe(option);
    }
    for (const option of BENCH_OPTIONS) expect(flagsOf(option)).toMatch(/^(--?\w+, )?--[a-z-]+$/);
    // No flag of its own is taken for the spelling of an option, or refused.
    for (const { short, long } of command?.options ?? []) {
      if (long != null && !spellings.some(([word]) => `--${word}` === long))
        expect(spelledOut(long)).toBe(long);
      for (const name of [short, long]) if (name) expect(() => spelledOut(name)).not.toThrow();
    }
  });
});

test('what llama-bench takes and changes nothing here is left out with a word, and switches that are off without', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const plain = await sweepOf('-t', '2');
  rmSync(join(folder, 'sweep.yaml'));
  said.mockClear();
  const flags = '--prio 2 -v --progress --delay=1 -nkvo 0 --embeddings 0 -ngl 99'.split(' ');
  expect(await sweepOf(...flags, '-t', '2')).toEqual(plain);
  const words = said.mock.calls.map(([text]) => String(text));
  for (const flag of ['--prio', '-v', '--progress', '--delay', '-ngl 99'])
    expect(
      words.some((word) => word.startsWith(`${flag} changes nothing`)),
      flag,
    ).toBe(true);
  expect(words.join('')).not.toContain('nkvo');
  rmSync(join(folder, 'sweep.yaml'));
  expect(valuesOf(await sweepOf('-ngl', '99', '--device', 'cuda'), 'gpuLayers')).toEqual([99]);
  rmSync(join(folder, 'sweep.yaml'));
  expect((await sweepOf('--no-warmup', '-r', '3')).measure).toMatchObject({ maxWarmups: 0, minRepeats: 3 });
});

describe('ridge bench refuses', () => {
  test.each([
    [
      'a flag that no option answers to',
      ['-rpc', 'host:50052'],
      /^llama-bench's -rpc is no option here: .*agent/,
    ],
    ['the same with an equals sign', ['--cpu-mask=0xff'], /^llama-bench's --cpu-mask is no option here/],
    ['a word that is no value', ['-t', 'many'], /^-t, --threads: threads must be .*, not "many"/],
    [
      'a type of cache that is none',
      ['-ctk', 'q8'],
      /^--ctk, --kv-cache-type-k: kvCacheTypeK must be .*q8_0/,
    ],
    ['a range that never moves', ['-t', '1-8+0'], /never moves on/],
    ['a list with a hole', ['-n', '16,,32'], /^-n, --generate-tokens: generateTokens must be/],
  ])('%s', async (_, flags, message) => {
    const error = await bench('-m', 'builtin:tiny', ...flags).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
    expect(existsSync(join(folder, 'sweep.yaml'))).toBe(false);
  });

  test.each([
    ['a flag that nobody knows', ['-m', 'builtin:tiny', '--swa-full'], /unknown option '--swa-full'/],
    ['a pair that is none', ['-m', 'builtin:tiny', '-pg', '512'], /two whole numbers, such as 512,128/],
    ['no model', ['-p', '512'], /^there is nothing to measure/],
    ['a format that there is not', ['-m', 'builtin:tiny', '-o', 'xml'], /'xml' is invalid.*sql/],
  ])('%s', async (_, flags, message) => {
    await expect(bench(...flags)).rejects.toThrow(message);
  });

  test('to write over a file', async () => {
    await bench('-m', 'builtin:tiny');
    await expect(bench('-m', 'builtin:tiny')).rejects.toThrow(
      /sweep\.yaml cannot be written: it is there already/,
    );
  });
});
