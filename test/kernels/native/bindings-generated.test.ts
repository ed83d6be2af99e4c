import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BINDINGS_RELEASE } from '../../../engines/native/llama-cpp/bindings.js';
import { temporaryFolder } from '../../support/folder.js';

const root = join(import.meta.dirname, '../../..');
const has = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

test.runIf(has('git') && has('gcc') && process.platform === 'linux')(
  'the checked-in bindings are what the installed headers give (needs git and gcc)',
  () => {
    const folder = temporaryFolder();
    const script = join(root, 'scripts/generate-bindings.ts');
    execFileSync(process.execPath, ['--import', 'tsx', script, folder], { cwd: root, stdio: 'ignore' });
    const name = `${BINDINGS_RELEASE}.ts`;
    const checkedIn = readFileSync(join(root, 'engines/native/llama-cpp/gen', name), 'utf8');
    expect(readFileSync(join(folder, name), 'utf8') === checkedIn).toBe(true);
  },
  60_000,
);
