#!/usr/bin/env node
// Runs a bench by its name: `npm run bench -- NAME [options]`; without a name it lists them. A bench is a
// file of test/bench: what it claims stands at its top, which `--help` prints; its figures stand in
// docs/figures.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'test/bench');

/** What benches share. */
const SHARED = ['figure.ts', 'frames.ts'];
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !SHARED.includes(file))
  .map((file) => basename(file, '.ts'));

const [name, ...options] = process.argv.slice(2);
if (name === undefined) {
  console.log(`npm run bench -- NAME [options], NAME one of:\n  ${names.join('\n  ')}`);
  process.exit(0);
}
if (!names.includes(name)) {
  console.error(`There is no bench "${name}"; there are: ${names.join(', ')}.`);
  process.exit(2);
}
if (options.includes('--help')) {
  const [, comment = ''] =
    /\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(join(folder, `${name}.ts`), 'utf8')) ?? [];
  console.log(comment.replace(/^ \*( |$)/gm, ''));
  process.exit(0);
}
const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
const ready = run([join(root, 'scripts/ready.mjs')]);
process.exit(ready === 0 ? run(['--import', 'tsx', join(folder, `${name}.ts`), ...options]) : ready);
