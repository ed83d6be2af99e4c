#!/usr/bin/env node
// Runs the quick tests on another release of Node.js: `node scripts/test-on-node.mjs 22`. The release comes from the npm
// registry and the tests run in a copy of the checkout under .cache/, for the one native addon of ours is compiled
// against it. Exit code and last line are those of the tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Packages with an addon that is compiled against one release: its headers differ from the next one's. */
const COMPILED = ['better-sqlite3'];

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
// Every package but the compiled ones is the checkout's own.
const modules = join(root, 'node_modules');
mkdirSync(join(tree, 'node_modules'));
for (const entry of readdirSync(modules)) {
  const target = join(tree, 'node_modules', entry);
  if (COMPILED.includes(entry)) cpSync(join(modules, entry), target, { recursive: true });
  else symlinkSync(join(modules, entry), target);
}
for (const compiled of COMPILED) {
  const gyp = join(dirname(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim()), '..');
  const candidates = [
    join(release, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
    join(gyp, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  const script = candidates.find((candidate) => existsSync(candidate));
  execFileSync(node, [script, 'rebuild', '--release', `--nodedir=${release}`], {
    cwd: join(tree, 'node_modules', compiled),
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: path },
  });
}
const tests = spawnSync(node, ['scripts/test.mjs', '--project', 'unit'], {
  cwd: tree,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
});
process.exit(tests.status ?? 1);
