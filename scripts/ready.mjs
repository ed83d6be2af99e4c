#!/usr/bin/env node
// Makes a checkout ready to run: installs packages and builds when either is missing or is not what its
// sources would give, and says what it does. `npm run quickstart` and `npm test` start here, so that they are
// the only commands a new user needs. With --for-a-run only those native kernels are built that measuring
// models takes; the others, most of the build, are left to the first command that asks for all. With --code
// nothing but the code is built.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Ridgepoint needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exit(2);
}

/** What the build of the code reads. */
const CODE = [
  'statistics',
  'core',
  'judgement',
  'batching',
  'roofline',
  'report',
  'search',
  'formats',
  'proto',
  'coordinator',
  'process',
  'load',
  'engines',
  'artifacts',
  'agent',
  'operator',
  'cli',
  'dashboards',
  'scripts/build.mjs',
  'package.json',
  'tsconfig.json',
];
const KERNELS = ['kernels', 'scripts/build-kernels.mjs', 'scripts/build-cuda.mjs'];

/**
 * Names and content, so that a changed, a new and a deleted file all change the whole, and a copied checkout
 * keeps what it built.
 */
function addTo(hash, path) {
  const full = join(root, path);
  if (!statSync(full).isDirectory()) hash.update(`${path}\n`).update(readFileSync(full));
  else for (const name of readdirSync(full).sort()) addTo(hash, join(path, name));
}

function fingerprint(paths) {
  const hash = createHash('sha256');
  for (const path of paths) addTo(hash, path);
  return hash.digest('hex');
}

/**
 * Does the work unless the stamp says that it was done for exactly this. It is stamped unless the work says
 * false: that it is not done.
 */
async function once(stamp, wanted, work) {
  const path = join(root, stamp);
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) return;
  if ((await work()) === false) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wanted);
}

const modified = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const say = (text) => process.stderr.write(`ready: ${text}\n`);
/** A promise for each command. */
const started = [];
/** @returns the exit code. */
function ended(command, args) {
  const end = new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
    child.once('error', ({ message }) => {
      say(message);
      resolve(1);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
  started.push(end);
  return end;
}
/**
 * @returns the exit code, 0 or one that is allowed. Another ends all, when what goes on beside it is over.
 */
async function run(command, args, allowed = []) {
  const code = await ended(command, args);
  if (code === 0 || allowed.includes(code)) return code;
  say(`${command} ${args.join(' ')} ended with exit code ${code}`);
  await Promise.all(started);
  process.exit(1);
}
const NOT_BUILT = 4;
const build = (part) => run(process.execPath, [join(root, 'scripts/build.mjs'), part], [NOT_BUILT]);

/**
 * @returns the path of a native library of ours, as engines/native/kernel-library.ts looks for it; null where
 *   it is not there.
 */
function library(name) {
  const files = { darwin: `lib${name}.dylib`, win32: `${name}.dll` };
  const path = join(root, 'dist/kernels', files[process.platform] ?? `lib${name}.so`);
  return existsSync(path) ? path : null;
}

const buildCode = () =>
  once('dist/.built', fingerprint(CODE), () => {
    say('building (tsc, the report page)');
    return build('code');
  });
if (process.argv.includes('--code')) {
  await buildCode();
  process.exit();
}

// First, for compilers ask no package for anything, and npm waits for the network most of the time. Where the
// whole library is there it is kept up to date: it is what is opened then.
const part =
  process.argv.includes('--for-a-run') && library('ridgepoint-kernels') === null ? 'measuring' : 'kernels';
// A stamp is worth nothing without its library.
if (library(`ridgepoint-${part}`) === null) rmSync(join(root, `dist/.built-${part}`), { force: true });
const kernels = once(`dist/.built-${part}`, fingerprint(KERNELS), async () => {
  const which = part === 'measuring' ? 'those that measuring takes; half a minute' : 'two minutes';
  say(`building native kernels (${which} on two cores)`);
  if ((await build(part)) !== NOT_BUILT) return true;
  const old = library(`ridgepoint-${part}`);
  if (old !== null)
    say(
      `${old} may be of older sources than those here, and is opened nevertheless; delete it to do without`,
    );
  return false;
});

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
await once('node_modules/.ridgepoint-lock', `${lock} ${process.versions.modules}`, async () => {
  // Somebody has run npm by hand.
  if (modified('node_modules/.package-lock.json') > modified('package-lock.json')) return;
  // npm empties what a link leads to, which is another checkout's.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) return;
  say('installing packages (npm ci; half a minute)');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
});
await buildCode();
await kernels;
