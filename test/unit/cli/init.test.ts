import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { VARIABLE } from '../../../cli/init/command.js';
import { askModel, askQuality, askVariables } from '../../../cli/init/init.js';
import { localModels } from '../../../cli/model-list.js';
import { createProgram } from '../../../cli/program.js';
import { questioner } from '../../../cli/questioner.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import type { Sweep } from '../../../core/sweep/spec.js';
import { PACKAGE_ROOT } from '../../../process/package.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, 'sweep.yaml');
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => vi.restoreAllMocks());

const init = async (...flags: string[]) =>
  await (await createProgram()).parseAsync(['node', 'ridge', 'init', '--out', file, ...flags]);

/** The sweep that is written for these answers. */
async function written(...flags: string[]): Promise<Sweep> {
  await init('--force', ...flags);
  return sound(parseSweep(readFileSync(file, 'utf8'))).sweep;
}

const valuesOf = ({ techniques, runners, workloads }: Sweep, name: string) =>
  [...techniques, ...[...runners, ...workloads].flatMap(({ axes }) => axes)].find(
    (axis) => axis.name === name,
  )?.values;

describe('ridge init', () => {
  test('answers as options: the axes they mean, tokens within the context, and how to run it at the end', async () => {
    const sweep = await written('--model', 'builtin:small', '--vary', VARIABLE.join(','), '--quality');
    expect(sweep).toMatchObject({
      name: `small-${VARIABLE.join('-')}`.slice(0, 63),
      models: [{ source: 'builtin:small' }],
    });
    expect(valuesOf(sweep, 'quantization')).toEqual(['base', 'q8_0', 'q4_k_m']);
    expect(valuesOf(sweep, 'attention')).toEqual(['base', 'window:64']);
    expect(valuesOf(sweep, 'flashAttention')).toEqual([true, false]);
    expect(valuesOf(sweep, 'parallel')).toEqual([1, 2, 4, 8]);
    expect(valuesOf(sweep, 'threads')?.[0]).toBe(1);
    expect([valuesOf(sweep, 'promptTokens'), valuesOf(sweep, 'generateTokens')]).toEqual([[256], [128]]);
    expect(sweep.quality).toMatchObject({ text: 'builtin:sample', contextTokens: 512 });
    expect(sweep.objectives.map(({ metric }) => metric)).toEqual([
      'decodeTokensPerSecond',
      'modelBytes',
      'perplexity',
    ]);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)).toMatch(`#   ridge run ${file} `);
  });

  test('what is not asked for is not there', async () => {
    const sweep = await written('--model', 'builtin:tiny', '--vary', 'none');
    expect(sweep.quality).toBeNull();
    expect(
      [...sweep.techniques, ...sweep.runners.flatMap(({ axes }) => axes)].every(
        ({ values }) => values.length === 1,
      ),
    ).toBe(true);
  });

  test('a path is written as seen from the folder of the file', async () => {
    copyFileSync(join(PACKAGE_ROOT, 'models/tiny-f16.gguf'), join(folder, 'mine.gguf'));
    const sweep = await written('--model', relative('.', join(folder, 'mine.gguf')), '--vary', 'batch');
    expect(sweep).toMatchObject({ name: 'mine-batch', models: [{ source: 'mine.gguf' }] });
  });

  test('a model that is quantized is not quantized again', async () => {
    const model = 'synthetic:llama?layers=2&embedding=256&type=q8_0';
    expect(valuesOf(await written('--model', model, '--vary', 'batch'), 'parallel')).toHaveLength(4);
    await expect(written('--model', model, '--vary', 'quantization')).rejects.toThrow(
      /can have one value of quantization alone \(its weights are q8_0\)/,
    );
  });

  test('a file that is there is replaced with --force alone', async () => {
    writeFileSync(file, 'mine');
    const flags = ['--model', 'builtin:small', '--vary', 'batch'];
    await expect(init(...flags)).rejects.toMatchObject({
      exitCode: EXIT.usage,
      message: `${file} is there already`,
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    await init(...flags, '--force');
    expect(readFileSync(file, 'utf8')).toContain('parallel: [1, 2, 4, 8]');
  });

  test('without a terminal it says which options to give, and writes nothing', async () => {
    const refusal = await init('--quality').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CommandError);
    expect(refusal).toMatchObject({
      exitCode: EXIT.usage,
      message: expect.stringMatching(/give --model SOURCE .+ and --vary NAMES/),
    });
    await expect(init('--model', 'builtin:small')).rejects.toThrow(/give --vary NAMES/);
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    [['--model', 'nowhere.gguf', '--vary', 'batch'], /there is no file nowhere\.gguf/],
    [['--model', 'builtin:smal', '--vary', 'batch'], /there is no builtin model "smal"/],
    [['--model', 'synthetic:llama-3.2-1b', '--vary', 'batch', '--quality'], /random/],
    [['--model', 'builtin:small', '--vary', 'bath'], /Known are quantization, attention, batch, threads/],
  ])('%j is refused', async (flags, message) => {
    await expect(init(...flags)).rejects.toThrow(message);
    expect(existsSync(file)).toBe(false);
  });
});

describe('the questions', () => {
  /** A questioner whose terminal types these lines, and everything that it showed. */
  function typed(...answers: string[]) {
    const [input, output] = [new PassThrough(), new PassThrough()];
    let shown = '';
    output.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
      // An answer follows each question.
      if (/[:\]] $/.test(shown)) {
        const next = answers.shift();
        if (next === undefined) input.end();
        else input.write(`${next}\n`);
      }
    });
    return { on: questioner(input, output, 'nothing was written'), shown: () => shown };
  }

  test('a model by its number, by nothing, or by its name', async () => {
    const models = localModels([]);
    expect(await askModel(typed('2').on, models)).toBe('builtin:tiny');
    expect(await askModel(typed('').on, models)).toBe('builtin:small');
    expect(await askModel(typed('hf:a/b:Q4_K_M').on, models)).toBe('hf:a/b:Q4_K_M');
  });

  test('an answer that cannot be read is asked for again, with what it has to be', async () => {
    const terminal = typed('9', '1');
    expect(await askModel(terminal.on, localModels([]))).toBe('builtin:small');
    expect(terminal.shown()).toContain('Give a number from 1 to 2.');
    const vary = typed('all', 'quantization', 'threads, batch');
    expect(await askVariables(vary.on, ['batch', 'threads'])).toEqual(['batch', 'threads']);
    expect(vary.shown()).toMatch(/Known are quantization, .+[\s\S]*one value of quantization alone/);
    expect(await askQuality(typed('perhaps', 'Y').on)).toBe(true);
    expect(await askQuality(typed('').on)).toBe(false);
  });

  test('an end of input ends the command', async () => {
    await expect(askQuality(typed().on)).rejects.toMatchObject({ exitCode: EXIT.interrupted });
  });
});
