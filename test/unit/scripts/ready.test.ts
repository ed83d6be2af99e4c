import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.js';

const SCRIPTS = join(import.meta.dirname, '../../../scripts');
const FOLDERS = [
  ...[
    'statistics',
    'core',
    'judgement',
    'batching',
    'roofline',
    'report',
    'search',
    'formats',
    'proto/ridgepoint',
    'coordinator',
    'agent',
    'operator',
    'cli',
  ],
  ...['process', 'load', 'engines', 'artifacts', 'dashboards', 'kernels'],
];
const EXTENSION = process.platform === 'darwin' ? 'dylib' : 'so';

const MAKE = `[ "$1" = --build ] && : > "$2/lib$6.${EXTENSION}"\nexit 0`;

/** A checkout with the real scripts of the build, and compilers that leave an empty file. */
class Checkout {
  readonly root = temporaryFolder();

  constructor() {
    for (const folder of FOLDERS) mkdirSync(join(this.root, folder), { recursive: true });
    for (const name of ['ready', 'build', 'build-kernels', 'build-cuda'])
      cpSync(join(SCRIPTS, `${name}.mjs`), join(this.root, `scripts/${name}.mjs`));
    for (const name of ['package.json', 'package-lock.json', 'tsconfig.json']) this.write(name, '{}');
    this.write('dist/cli/main.js', '');
    for (const path of ['typescript/bin/tsc', 'vite/bin/vite.js']) this.write(`packages/${path}`, '');
    this.write('packages/esbuild/package.json', '{"type":"module","main":"index.js"}');
    this.write('packages/esbuild/index.js', 'export function build() {}');
    symlinkSync(join(this.root, 'packages'), join(this.root, 'node_modules'));
    this.program('tools/cmake', MAKE);
    this.program('tools/c++', 'exit 0');
    mkdirSync(join(this.root, 'bin'));
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  program(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  /** Puts the compilers on the path, or takes them away. */
  move(from: 'tools' | 'bin', to: 'tools' | 'bin'): void {
    for (const name of ['cmake', 'c++']) renameSync(join(this.root, from, name), join(this.root, to, name));
  }

  ready(...words: string[]): { readonly status: number | null; readonly said: string } {
    // A pipe would be waited for until all that hold it are gone.
    const said = join(this.root, 'said');
    const output = openSync(said, 'w');
    const { status } = spawnSync(process.execPath, [join(this.root, 'scripts/ready.mjs'), ...words], {
      env: { PATH: join(this.root, 'bin') },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    return { status, said: readFileSync(said, 'utf8') };
  }

  library(name: string): string {
    return join(this.root, `dist/kernels/libridgepoint-${name}.${EXTENSION}`);
  }
}

test('kernels are built once there is a compiler, and what a run opens is kept up to date', () => {
  const checkout = new Checkout();
  for (const words of [['--for-a-run'], []]) {
    const { status, said } = checkout.ready(...words);
    expect(status).toBe(0);
    expect(said).toMatch(/CMake and a C\+\+17 compiler are needed/);
    expect(said).not.toContain('older sources');
  }
  checkout.move('tools', 'bin');
  expect(checkout.ready('--for-a-run')).toMatchObject({
    status: 0,
    said: expect.stringContaining('measuring'),
  });
  expect(existsSync(checkout.library('measuring'))).toBe(true);
  expect(existsSync(checkout.library('kernels'))).toBe(false);
  expect(checkout.ready('--for-a-run')).toEqual({ status: 0, said: '' });
  expect(checkout.ready().said).toContain('building native kernels (two minutes');
  expect(existsSync(checkout.library('kernels'))).toBe(true);
  // It has no stamp where it was built by hand.
  rmSync(join(checkout.root, 'dist/.built-kernels'));
  checkout.write('kernels/new.cpp', '');
  expect(checkout.ready('--for-a-run').said).toContain('building native kernels (two minutes');
  checkout.write('kernels/new.cpp', ''); // The same, at another time: a commit that was left and is back.
  expect(checkout.ready('--for-a-run')).toEqual({ status: 0, said: '' });

  checkout.move('bin', 'tools');
  checkout.write('kernels/newer.cpp', '');
  expect(checkout.ready('--for-a-run')).toMatchObject({
    status: 0,
    said: expect.stringMatching(/libridgepoint-kernels\.\w+ may be of older sources/),
  });
  checkout.move('tools', 'bin');
  checkout.ready();
  rmSync(checkout.library('kernels'));
  checkout.ready();
  expect(existsSync(checkout.library('kernels'))).toBe(true);
});

test('a failure waits for the build that goes on beside it', () => {
  const checkout = new Checkout();
  checkout.move('tools', 'bin');
  rmSync(join(checkout.root, 'node_modules'));
  checkout.program('bin/cmake', `/bin/sleep 0.5\n${MAKE}`);
  checkout.program('bin/npm', 'exit 3');
  const { status, said } = checkout.ready();
  expect(said).toContain('npm ci --ignore-scripts --no-audit --no-fund ended with exit code 3');
  expect(status).toBe(1);
  expect(existsSync(checkout.library('kernels'))).toBe(true);
});
