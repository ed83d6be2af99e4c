#!/usr/bin/env node
// Makes a checkout ready to run: installs packages and builds when either is missing or older than its
// sources, and says what it does. `npm run quickstart` and `npm test` start here, so that they are the
// only commands a new user needs.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Ridgepoint needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exit(2);
}

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : modified(path));
  }
  return latest;
}

function say(text) {
  process.stderr.write(`ready: ${text}\n`);
}

function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
}

if (modified(join(root, 'node_modules/.package-lock.json')) < modified(join(root, 'package-lock.json'))) {
  say('installing packages (npm ci; one to seven minutes, most of it the engines and one native build)');
  run('npm', ['ci', '--no-audit', '--no-fund']);
}

const sources = ['core', 'proto', 'coordinator', 'agent', 'cli', 'dashboards', 'kernels'];
const stamp = join(root, 'dist/.built');
if (modified(stamp) < Math.max(...sources.map((folder) => newest(join(root, folder))))) {
  say('building (tsc, the report page, native kernels)');
  run(process.execPath, [join(root, 'scripts/build.mjs')]);
}
