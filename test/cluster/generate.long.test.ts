import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.js';

const root = join(import.meta.dirname, '../..');

test('generated files take no native build: no tool of one is so much as asked for its version', () => {
  const tools = temporaryFolder();
  const asked = join(tools, 'asked');
  for (const tool of ['cmake', 'ninja', 'make', 'c++', 'g++', 'gcc', 'cc', 'clang++']) {
    const path = join(tools, tool);
    writeFileSync(path, `#!/bin/sh\necho "${tool} $*" >> '${asked}'\nexit 1\n`);
    chmodSync(path, 0o755);
  }
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${tools}:${process.env.PATH}` },
  });
  expect(existsSync(asked) ? readFileSync(asked, 'utf8') : '').toBe('');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
