import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CommandError } from '../../../cli/exit.js';
import { openSweep, readSweepFile } from '../../../cli/sweep-file.js';
import { planSpace } from '../../../core/sweep/space.js';
import { PACKAGE_ROOT } from '../../../installation/package.js';
import { sweep } from '../../bench/bad-input/sweep.js';

test('a mistake is one line with file, place, reason and guess', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-sweep-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'sweep.yaml');
  writeFileSync(path, sweep({ runner: { flashAtention: true } }));
  let said: unknown;
  try {
    readSweepFile(path);
  } catch (error) {
    said = error;
  }
  expect(said).toBeInstanceOf(CommandError);
  expect(said).toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(
      /^1 mistake in .+\n.+sweep\.yaml:\d+:\d+ spec\.runners\[0\]\.flashAtention: .+ \(did you mean flashAttention\?\)$/,
    ),
  });
});

test.each([
  ['builtin:small', 'small'],
  ['synthetic:llama-3.2-1b?layers=2', 'llama-3.2-1b'],
  ['hf:owner/Model-GGUF:Q4_K_M', 'Model-GGUF-Q4_K_M'],
  [join(PACKAGE_ROOT, 'models/tiny-f16.gguf'), 'tiny-f16'],
  ['nowhere/a+b.gguf', 'a-b'],
])('a model in place of a sweep file, %s, is the sweep of it with every default', (source, name) => {
  const { sweep: made, document } = openSweep(source);
  expect(made).toMatchObject({ name, models: [{ source }] });
  expect(planSpace(made).count).toBe(1);
  expect(document).toContain('models: ');
});

test('everything else is a sweep file, and one that cannot be read is one sentence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-sweep-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'sweep.yaml');
  writeFileSync(path, sweep({}));
  expect(openSweep(path)).toMatchObject({ path });
  expect(() => openSweep(folder)).toThrow(/cannot read the sweep file .+: it is a folder/);
  expect(() => openSweep(join(folder, 'other.yaml'))).toThrow(/there is no such file/);
  expect(() => openSweep(join(path, 'below'))).toThrow(/part of its path is a file, not a folder/);
});
