#!/usr/bin/env node
// Runs the quick tests on another release of Node.js: `node scripts/test-on-node.mjs 22`. The release comes from the npm
// registry and the tests run in a copy of the checkout under .cache/. Exit code and last line are those of the tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const major = process.argv[2] ?? '';
if (!/^\d+$/.test(major)) {
  console.error('Which release of Node.js? For example: node scripts/test-on-node.mjs 22');
  process.exit(2);
}
const platform = process.platform === 'win32' ? 'win' : process.platform;
const name = `node-${platform}-${process.arch}`;
const folder = join(root, '.cache', `node-${major}`);
const release = join(folder, 'release');
const tree = join(folder, 'tree');

mkdirSync(folder, { recursive: true });
if (!existsSync(release)) {
  execFileSync('npm', ['pack', '--silent', `${name}@${major}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 2],
  });
  const archive = readdirSync(folder).find((file) => file.startsWith(name) && file.endsWith('.tgz'));
  execFileSync('tar', ['xzf', archive], { cwd: folder });
  rmSync(join(folder, archive));
  renameSync(join(folder, 'package'), release);
}
const node = join(release, 'bin/node');
const path = `${join(release, 'bin')}:${process.env.PATH}`;

rmSync(tree, { recursive: true, force: true });
mkdirSync(tree);
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
});
for (const file of files.split('\0').filter((each) => each !== '' && existsSync(join(root, each))))
  cpSync(join(root, file), join(tree, file));
symlinkSync(join(root, 'dist'), join(tree, 'dist'));
symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
const tests = spawnSync(node, ['scripts/test.mjs', '--project', 'unit'], {
  cwd: tree,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
});
process.exit(tests.status ?? 1);
