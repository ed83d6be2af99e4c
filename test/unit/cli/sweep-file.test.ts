import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CommandError } from '../../../cli/exit.js';
import { readSweepFile } from '../../../cli/sweep-file.js';
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
