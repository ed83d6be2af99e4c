import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { askToFetch } from '../../../cli/ask-to-fetch.js';
import { EXIT } from '../../../cli/exit.js';
import { nodeConfig, sharedOverrides } from '../../../cli/node-config.js';
import { createProgram } from '../../../cli/program.js';
import { temporaryFolder } from '../../support/folder.js';
import { hub } from '../../support/hub.js';
import { file, sweepOf } from '../sweep/documents.js';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** A configuration file that says these `sources`. */
function config(sources: object): string {
  const path = join(temporaryFolder(), 'agent.yaml');
  writeFileSync(path, stringify({ sources }));
  return path;
}

/** Somebody at a terminal who types this, and what was shown there. */
function somebody(typed: string | null) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let shown = '';
  output.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (!shown.endsWith(': ')) return;
    if (typed === null) input.end();
    else input.write(`${typed}\n`);
  });
  return { terminal: { input, output }, shown: () => shown };
}

const named = (...models: string[]) => sweepOf(file({ models }));

describe('--allow-hf', () => {
  test('allows every repository, and leaves what else the file says', () => {
    expect(nodeConfig({}).sources.hf).toBe(false);
    expect(nodeConfig({ allowHf: true }).sources).toMatchObject({ hf: true, https: [] });
    const path = config({ hf: ['google'], attempts: 7 });
    expect(nodeConfig({ config: path }).sources.hf).toEqual(['google']);
    expect(nodeConfig({ config: path, allowHf: true }).sources).toMatchObject({ hf: true, attempts: 7 });
    // What the agent inside `ridge run` is told.
    expect(sharedOverrides({ allowHf: true })).toEqual({ sources: { hf: true } });
  });

  test('lets ridge plan read what a hub has; without it the refusal names it', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { sources } = await hub({ 'tiny.gguf': readFileSync(join(builtinFolder(), 'tiny-f16.gguf')) });
    const path = config({ ...sources, hf: false });
    const planned = async (...flags: string[]) => {
      print.mockClear();
      const words = ['node', 'ridge', 'plan', 'hf:o/r', '--json', '--config', path, ...flags];
      await (await createProgram()).parseAsync(words);
      return JSON.parse(print.mock.calls.map(([text]) => text).join(''));
    };
    expect((await planned()).warnings[0].message).toMatch('this node may not fetch hf:o/r');
    const { warnings, rows } = await planned('--allow-hf');
    expect(warnings).toEqual([]);
    expect(rows[0].memoryBytes).toBeGreaterThan(0);
    await expect(
      (await createProgram()).parseAsync(['node', 'ridge', 'quantize', 'hf:o/r', 'x.gguf', '--type', 'q8_0']),
    ).rejects.toMatchObject({ exitCode: EXIT.usage, hint: expect.stringContaining('--allow-hf') });
  });
});

test('the folders of models that the file names are looked through', async () => {
  const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const modelFolder = temporaryFolder();
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(modelFolder, 'only-there.gguf'));
  const path = join(temporaryFolder(), 'agent.yaml');
  writeFileSync(path, stringify({ modelFolders: [modelFolder] }));
  const planned = async (...flags: string[]) => {
    print.mockClear();
    const words = 'node ridge plan only-there.gguf --json'.split(' ');
    await (await createProgram()).parseAsync([...words, ...flags]);
    return JSON.parse(print.mock.calls.map(([text]) => text).join(''));
  };
  expect((await planned()).warnings[0].code).toBe('model-missing');
  expect((await planned('--config', path)).warnings).toEqual([]);
  // What the agent inside `ridge run` is told.
  expect(sharedOverrides({ config: path })).toMatchObject({ modelFolders: [modelFolder] });
});

describe('at a terminal', () => {
  test('one question about all that is not allowed; yes is --allow-hf, and nothing is no', async () => {
    const sweep = named(
      'builtin:tiny',
      'hf:google/x:Q4_0',
      'hf:a/b:Q4_K_M',
      'hf:a/c',
      'https://h.example/m.gguf',
    );
    const options = { config: config({ hf: ['google'] }), quick: true };
    const willing = somebody('y');
    expect(await askToFetch(options, sweep, willing.terminal)).toEqual({ ...options, allowHf: true });
    expect(willing.shown()).toContain('Fetch hf:a/b:Q4_K_M and hf:a/c from huggingface.co?');
    expect(await askToFetch(options, sweep, somebody('').terminal)).toEqual(options);
  });

  test('none where nothing is refused, and where nobody can be asked', async () => {
    const silent = somebody('y');
    for (const [options, sweep] of [
      [{}, named('builtin:tiny', 'https://h.example/m.gguf')],
      [{ allowHf: true } as const, named('hf:a/b')],
      [{ config: config({ hf: ['a/b'] }) }, named('hf:a/b')],
    ] as const)
      expect(await askToFetch(options, sweep, silent.terminal)).toBe(options);
    expect(silent.shown()).toBe('');
    const options = {};
    expect(await askToFetch(options, named('hf:a/b'), null)).toBe(options);
  });

  test('Ctrl-C ends the command', async () => {
    await expect(askToFetch({}, named('hf:a/b'), somebody(null).terminal)).rejects.toMatchObject({
      exitCode: EXIT.interrupted,
      message: 'nothing was fetched',
    });
  });
});
