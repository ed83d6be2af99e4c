import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { findServers } from '../../../engines/servers/find.js';
import { temporaryFolder } from '../../support/folder.js';

/** A program that takes as long as torch on a busy machine. */
const SLOW = '#!/bin/sh\nexec sleep 600\n';

function program(path: string, text: string): string {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** A venv whose distributions have these entry points. */
function venv(script: string, distributions: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  const packages = join(folder, 'lib/python3.11/site-packages');
  mkdirSync(join(folder, 'bin'));
  mkdirSync(packages, { recursive: true });
  for (const [name, points] of Object.entries(distributions)) {
    const [distribution, version] = name.split('-');
    const info = join(packages, `${name}.dist-info`);
    mkdirSync(info);
    writeFileSync(
      join(info, 'METADATA'),
      `Metadata-Version: 2.4\nName: ${distribution}\nVersion: ${version}\n`,
    );
    if (points !== '') writeFileSync(join(info, 'entry_points.txt'), points);
  }
  return program(join(folder, 'bin/vllm'), script);
}

async function found(command: readonly string[], limitSeconds = 20) {
  const servers = configuredServers(serversSchema.parse({ vllm: { command } }));
  const [one] = await findServers(
    servers.filter(({ name }) => name === 'vllm'),
    limitSeconds,
  );
  return { release: one!.release, problem: one!.problem };
}

describe('the release of a server', () => {
  const points =
    '[console_scripts]\nvllm = vllm.entrypoints.cli.main:main\n\n[vllm.general_plugins]\nx = y:z\n';

  test('is what its installation says, without starting it', async () => {
    const path = venv(SLOW, { 'torch-2.13.0': '', 'vllm-0.32.0+cpu': points });
    expect(await found([path], 0.1)).toEqual({ release: 'vllm 0.32.0+cpu', problem: null });
    const link = join(temporaryFolder(), 'vllm');
    symlinkSync(path, link);
    expect((await found([link], 0.1)).release).toBe('vllm 0.32.0+cpu');
  });

  test('is what the program says where no distribution has it as an entry point', async () => {
    const path = venv('#!/bin/sh\necho "INFO 0.1 x"\necho "version: 0.9.1"\n', {
      'other-1.0': '[console_scripts]\nother = other:main\n',
    });
    expect(await found([path])).toEqual({ release: 'vllm 0.9.1', problem: null });
  });

  test('is not known of a program that takes too long: the sentence says what was asked and for how long', async () => {
    const path = program(join(temporaryFolder(), 'vllm'), SLOW);
    expect(await found([path], 0.1)).toEqual({
      release: null,
      problem: `${path} does not tell its version: \`${path} --version\` took more than 0.1 s`,
    });
  });

  test('is not known of one that fails or is not there: the sentence has its last line', async () => {
    const path = program(join(temporaryFolder(), 'vllm'), '#!/bin/sh\necho no torch here >&2\nexit 3\n');
    expect((await found([path])).problem).toBe(
      `${path} does not tell its version: \`${path} --version\` ended with exit code 3: no torch here`,
    );
    expect((await found(['/nowhere/vllm'])).problem).toBe('there is no program /nowhere/vllm');
  });
});
