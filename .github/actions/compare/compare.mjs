#!/usr/bin/env node
// Benches two commits of the repository in the working folder in turns, and writes what changed to
// comment.md. It takes its settings from COMPARE_* (action.yml says what each is) and needs nothing of
// GitHub.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const ridge = join(root, 'dist/cli/main.js');
/** What `ridge run` ends with when rows failed or are invalid: a comparison says it of each. */
const ROWS_MISSING = [1, 4];
const RED = 3;

const setting = (name) => process.env[`COMPARE_${name}`] ?? '';

function stop(message) {
  console.error(`compare: ${message}`);
  process.exit(2);
}

/** @returns what a command printed; its messages go where ours go. */
function run(command, words, { cwd = '.', env = process.env, accepted = [], keepMessages = false } = {}) {
  const stdio = ['ignore', 'pipe', keepMessages ? 'pipe' : 'inherit'];
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    cwd,
    env,
    stdio,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) stop(`${command} does not start: ${error.message}`);
  if (status !== 0 && !accepted.includes(status)) {
    if (keepMessages) console.error(stderr);
    stop(`${[command, ...words.slice(0, 3)].join(' ')} ended with ${status}`);
  }
  return { status, stdout, stderr };
}

/** One of the two commits, checked out and built. */
function prepare(name, out) {
  const asked = setting(name.toUpperCase());
  const commit = run('git', ['rev-parse', '--verify', '--end-of-options', `${asked}^{commit}`]).stdout.trim();
  const folder = join(out, 'checkouts', name);
  run('git', ['worktree', 'add', '--force', '--detach', folder, commit]);
  if (setting('BUILD') !== '') run('bash', ['-euo', 'pipefail', '-c', setting('BUILD')], { cwd: folder });
  return { name, commit, folder, results: join(out, name) };
}

/** The sweep of a side with so many starts, beside its own file, so that paths in it stay what they are. */
function sweepOf(side, other, starts) {
  const place = setting('SWEEP');
  const own = [side, other].map(({ folder }) => join(folder, place)).find((file) => existsSync(file));
  if (own === undefined) stop(`neither commit has ${place}`);
  const document = parseDocument(readFileSync(own, 'utf8'));
  document.setIn(['spec', 'measure', 'starts'], starts);
  // The same name at every turn: it goes on where the turn before ended.
  if (!document.hasIn(['metadata', 'name'])) document.setIn(['metadata', 'name'], 'compare');
  const file = join(side.folder, `${place}.in-turns.yaml`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, document.toString());
  return file;
}

function measure(side, other, starts) {
  const [engine, config] = [setting('ENGINE'), setting('CONFIG')];
  const env = engine === '' ? process.env : { ...process.env, RIDGE_LLAMA_CPP: join(side.folder, engine) };
  const words = ['run', sweepOf(side, other, starts), '--out', side.results, '--no-roofs', '--format', 'csv'];
  if (config !== '') words.push('--config', join(side.folder, config));
  run(process.execPath, [ridge, ...words], { cwd: side.folder, env, accepted: ROWS_MISSING });
}

const starts = Number(setting('STARTS') || 5);
if (!Number.isInteger(starts) || starts < 2)
  stop('starts is a whole number from 2 on: one start of each side is no turn');
const out = resolve(setting('OUT') || 'ridge-compare');
if (existsSync(out)) stop(`${out} is there already: remove it, or name another folder`);
run('git', ['worktree', 'prune']);
mkdirSync(out, { recursive: true });
run(process.execPath, [join(root, 'scripts/ready.mjs'), '--code'], { cwd: root });
const [base, head] = ['base', 'head'].map((name) => prepare(name, out));
for (let turn = 1; turn <= starts; turn += 1) {
  // Ours, theirs, theirs, ours: what grows or wanes meanwhile reaches both.
  const order = turn % 2 === 1 ? [base, head] : [head, base];
  for (const side of order) measure(side, side === base ? head : base, turn);
}

const gates = setting('GATES')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '')
  .flatMap((gate) => ['--gate', gate]);
const rate = gates.length === 0 ? [] : ['--false-alarms', setting('FALSE_ALARMS') || '1%'];
const words = ['compare', base.results, head.results, '--format', 'md', ...gates, ...rate];
const compared = run(process.execPath, [ridge, ...words], { accepted: [RED], keepMessages: true });
const sentences = compared.stderr
  .trim()
  .split('\n')
  .map((line) => `- ${line}`);
const comment = [
  `### ${base.commit.slice(0, 12)} → ${head.commit.slice(0, 12)}, ${starts} starts a side, in turns`,
  '',
  compared.stdout.trim(),
  '',
  ...sentences,
  '',
].join('\n');
const file = join(out, 'comment.md');
writeFileSync(file, comment);
for (const { folder } of [base, head]) run('git', ['worktree', 'remove', '--force', folder]);
if (process.env.GITHUB_STEP_SUMMARY) appendFileSync(process.env.GITHUB_STEP_SUMMARY, comment);
console.log(comment);
process.exitCode = compared.status;
