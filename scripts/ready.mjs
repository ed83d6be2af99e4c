#!/usr/bin/env node
// Makes a checkout ready to run: installs packages and builds when either is missing or is not what its sources
// would give, and says what it does. `npm run quickstart` and `npm test` start here, so that they are the only commands
// a new user needs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Ridgepoint needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exit(2);
}

/** What a build reads. */
const SOURCES = [
  'core',
  'roofline',
  'report',
  'formats',
  'proto',
  'coordinator',
  'agent',
  'cli',
  'installation',
  'dashboards',
  'kernels',
  'scripts',
];
const SOURCE_FILES = ['package.json', 'tsconfig.json'];

/** @returns a line for each file, so that a changed, a new and a deleted one all change the whole. */
function* lines(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) yield `${path} ${stat.size} ${stat.mtimeMs}\n`;
  else for (const name of readdirSync(path).sort()) yield* lines(join(path, name));
}

function fingerprint(paths) {
  const hash = createHash('sha256');
  for (const path of paths) for (const line of lines(join(root, path))) hash.update(line);
  return hash.digest('hex');
}

/** Does the work unless the stamp says that it was done for exactly this. */
function once(stamp, wanted, work) {
  const path = join(root, stamp);
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) return;
  work();
  writeFileSync(path, wanted);
}

const modified = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const say = (text) => process.stderr.write(`ready: ${text}\n`);
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
once('node_modules/.ridgepoint-lock', `${lock} ${process.versions.modules}`, () => {
  // Somebody has run npm by hand.
  if (modified('node_modules/.package-lock.json') > modified('package-lock.json')) return;
  // npm empties what a link leads to, which is another checkout's.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) return;
  say('installing packages (npm ci; one to seven minutes, most of it the engines and one native build)');
  run('npm', ['ci', '--no-audit', '--no-fund']);
});
once('dist/.built', fingerprint([...SOURCES, ...SOURCE_FILES]), () => {
  say('building (tsc, the report page, native kernels)');
  run(process.execPath, [join(root, 'scripts/build.mjs')]);
});
