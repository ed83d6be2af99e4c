#!/usr/bin/env node
// Runs what depends on the release of Node.js on another one:
// `node scripts/test-on-node.mjs 24 [paths of tests]`. Without paths these are the log in SQLite, engines and
// what else is opened by koffi, HTTP in both directions, and the package as it is published, installed from
// its archives: its engines, a run, its web view. The release comes from the npm registry. Exit code and last
// line are those of the tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TESTS = [
  'test/unit/coordinator/log.test.ts',
  'test/unit/native',
  'test/unit/agent/fetch.test.ts',
  'test/unit/agent/fetch-parts.test.ts',
  'test/unit/agent/proxy.test.ts',
  'test/cluster/web.test.ts',
  'test/cluster/packed.test.ts',
];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [major = '', ...paths] = process.argv.slice(2);
if (!/^\d+$/.test(major)) {
  console.error('Which release of Node.js? For example: node scripts/test-on-node.mjs 24');
  process.exit(2);
}
const cache = join(root, '.cache');
const must = (command, args, cwd = root) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] }).trim();

/** @returns the folder with the program `node` of that release, fetched once. */
function release() {
  const folder = join(cache, `node-${major}`, 'release');
  if (existsSync(folder)) return join(folder, 'bin');
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const work = dirname(folder);
  mkdirSync(work, { recursive: true });
  const archive = must('npm', ['pack', '--silent', `${name}@${major}`], work);
  must('tar', ['xzf', archive], work);
  rmSync(join(work, archive));
  renameSync(join(work, 'package'), folder);
  return join(folder, 'bin');
}

/**
 * @returns the folder of the package, installed from the archives that this checkout gives; once for all
 *   releases.
 */
function installed() {
  const archives = must(process.execPath, ['scripts/pack.mjs']).split('\n');
  const hash = createHash('sha256');
  for (const archive of archives) hash.update(readFileSync(archive));
  const prefix = join(cache, 'packed', hash.digest('hex').slice(0, 16));
  const home = join(prefix, 'lib/node_modules/ridgepoint');
  if (existsSync(home)) return home;
  const work = `${prefix}.part`;
  rmSync(dirname(prefix), { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  must('npm', ['install', '--silent', '-g', '--ignore-scripts', '--prefix', work, ...archives]);
  renameSync(work, prefix);
  return home;
}

const bin = release();
const chosen = paths.length > 0 ? paths : TESTS;
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
if (chosen.some((path) => path.includes('packed'))) env.RIDGEPOINT_PACKED = installed();
const { status } = spawnSync(
  join(bin, 'node'),
  ['scripts/test.mjs', '--project', 'unit', '--project', 'cluster', ...chosen],
  { cwd: root, stdio: 'inherit', env },
);
process.exit(status ?? 1);
