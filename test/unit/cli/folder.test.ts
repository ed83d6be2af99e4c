import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { CommandError } from '../../../cli/exit.js';
import { folderError, openRunFolder } from '../../../cli/run/folder.js';
import { failed } from '../../../core/errors.js';
import { temporaryFolder } from '../../support/folder.js';

const DOCUMENT = { document: 'document', typed: 'kv.yaml' };

let root: string;
beforeEach(() => {
  root = temporaryFolder();
});

function refusal(path: string): CommandError {
  try {
    openRunFolder(path, DOCUMENT, false);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error(`${path} was taken`);
}

describe('the folder of a run', () => {
  test('is made with its parents, locked, and released', () => {
    const folder = openRunFolder(join(root, 'a/b'), DOCUMENT, false);
    expect(readFileSync(join(root, 'a/b/sweep.yaml'), 'utf8')).toBe('document');
    expect(existsSync(join(root, 'a/b/running.pid'))).toBe(true);
    folder.release();
    expect(existsSync(join(root, 'a/b/running.pid'))).toBe(false);
  });

  test('says where it holds results of other points, which stay in its log, and keeps what was typed', () => {
    const sweepOf = (spec: string, typed = 'kv.yaml') => ({
      document: `metadata: { name: kv }\nspec: ${spec}\n`,
      typed,
    });
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => void said.mockRestore());
    const open = (spec: string) => openRunFolder(root, sweepOf(spec), false).release();
    open('{ models: "builtin:small" }');
    writeFileSync(join(root, 'results.jsonl'), '');
    writeFileSync(join(root, 'log.sqlite'), '');
    open('{ models: "builtin:small", measure: { maxRepeats: 4 } }');
    expect(said).not.toHaveBeenCalled();
    open('{ models: "builtin:tiny" }');
    expect(String(said.mock.calls[0]?.[0])).toMatch(
      /holds results of other points: .+ stay in its log; --out keeps both/,
    );
    expect(JSON.parse(readFileSync(join(root, 'run.json'), 'utf8'))).toMatchObject({ file: 'kv.yaml' });
  });

  test('is refused where results have lost their log, unless all is measured again', () => {
    writeFileSync(join(root, 'results.jsonl'), 'kept');
    expect(refusal(root)).toMatchObject({
      exitCode: 2,
      hint: expect.stringMatching(/log\.sqlite back.*--fresh/),
    });
    expect(readFileSync(join(root, 'results.jsonl'), 'utf8')).toBe('kept');
    expect(existsSync(join(root, 'running.pid'))).toBe(false);
    openRunFolder(root, DOCUMENT, true).release();
    expect(existsSync(join(root, 'results.jsonl'))).toBe(false);
  });

  test.runIf(process.platform === 'linux')('below /proc is refused at once', () => {
    expect(refusal('/proc/out')).toMatchObject({ exitCode: 2, hint: expect.stringContaining('--out') });
  });

  test('a file, something below a file and a link to nowhere are refused', () => {
    writeFileSync(join(root, 'plain'), '');
    symlinkSync(join(root, 'gone/deeper'), join(root, 'link'));
    for (const name of ['plain', 'plain/out', 'link', 'link/out']) {
      expect(refusal(join(root, name)), name).toMatchObject({ exitCode: 2 });
    }
  });

  test('a folder whose sweep.yaml cannot be written is not left locked', () => {
    const path = join(root, 'out');
    mkdirSync(join(path, 'sweep.yaml', 'in the way'), { recursive: true });
    expect(() => openRunFolder(path, DOCUMENT, false)).toThrow();
    expect(existsSync(join(path, 'running.pid'))).toBe(false);
    expect(existsSync(join(path, 'sweep.yaml.new'))).toBe(false);
  });

  test('a full disk is one sentence, whoever met it', () => {
    const enospc = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const log = failed('disk-full', 'The disk that holds the log is full.');
    for (const error of [enospc, log]) {
      expect(folderError(error, 'out')).toMatchObject({
        exitCode: 1,
        message: 'the disk of out is full',
        hint: expect.stringContaining('the same command again'),
      });
    }
  });
});
