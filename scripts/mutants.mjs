#!/usr/bin/env node
// Says what the unit tests would not notice: `npm run test:mutants -- ROOM`, ROOM a folder or a file of
// product code. Stryker changes the room's code in thousands of ways, one at a time, and runs the unit tests
// that reach the change. Found are changes with which a test fails or does not end; not found are those that
// all tests survive, and those that no test reaches. What cannot be told from the original by any test stands
// with its reason in `test/mutants/equivalent.json` and is left out of the score, openly.
//
// Every unit test that reaches the room is a lot: `--tests 'test/unit/statistics/**/*.test.ts'` runs those
// alone, in minutes, and what they find the others need not. The option may be given several times.
//
// A whole room is hours. `--sample N` tries N of its mutants, drawn at random by `--seed S`, and prints the
// score with the interval in which the whole room's lies (95 %, Wilson). What ran out of time counts as not
// found, for a busy machine is slow without any mutant; endless loops are found by counting instead.
//
// Texts are not changed: a test that repeats a message says nothing, and a wrong word of a union is tsc's to
// find. What runs only while a module loads would need all tests anew for each change; `--static` tries
// those, too. Results are kept in `.cache/mutants` and used again where neither code nor tests changed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { wilsonInterval } from '../dist/statistics/proportion.js';
import { NOT_DRAWN } from '../test/mutants/sample.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    static: { type: 'boolean', default: false },
    tests: { type: 'string', multiple: true },
  },
});
const [room] = positionals;
const size = values.sample === undefined ? null : Number(values.sample);
if (
  room === undefined ||
  positionals.length > 1 ||
  (size !== null && !(Number.isInteger(size) && size > 0))
) {
  console.error(
    'npm run test:mutants -- ROOM [--tests GLOB]... [--sample N [--seed S]] [--static], ' +
      'e.g. npm run test:mutants -- statistics --sample 300',
  );
  process.exit(2);
}

const cache = join('.cache/mutants', room.replace(/\.ts$/, '').replaceAll('/', '-'));
mkdirSync(cache, { recursive: true });
const results = await new Stryker({
  mutate: room.endsWith('.ts') ? [room] : [`${room}/**/*.ts`, `!${room}/**/gen/**`],
  mutator: { excludedMutations: ['StringLiteral'] },
  ignoreStatic: !values.static,
  testRunner: 'vitest-kept',
  plugins: [
    '@stryker-mutator/vitest-runner',
    join(root, 'test/mutants/runner.mjs'),
    join(root, 'test/mutants/sample.mjs'),
  ],
  ...(size === null ? {} : { checkers: ['sample'], sample: { size, seed: values.seed } }),
  vitest: { configFile: 'test/mutants/vitest.config.ts', related: true },
  ...(values.tests === undefined ? {} : { testFiles: values.tests }),
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // A process that is kept grows.
  maxTestRunnerReuse: 400,
  // For a busy machine, on which the first run of all unit tests takes longer than the five minutes it has.
  dryRunTimeoutMinutes: 120,
  timeoutFactor: 4,
  timeoutMS: 30_000,
  incremental: size === null,
  incrementalFile: join(cache, 'incremental.json'),
  tempDirName: '.cache/mutants/copy',
  ignorePatterns: ['/.cache', '/docs/images', '**/ridge-out'],
  disableTypeChecks: false,
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: join(cache, 'report.json') },
  allowConsoleColors: false,
}).runMutationTest();

const sources = new Map();
/** @returns the text of a mutant's file. */
function sourceOf({ fileName }) {
  if (!sources.has(fileName)) sources.set(fileName, readFileSync(fileName, 'utf8'));
  return sources.get(fileName);
}

/** @returns what a mutant replaces, and the line where it begins, without what depends on their place. */
function originalOf(mutant) {
  const lines = sourceOf(mutant).split('\n');
  const { start, end } = mutant.location;
  const within = lines.slice(start.line - 1, end.line);
  within.push(within.pop().slice(0, end.column - 1));
  within[0] = within[0].slice(start.column - 1);
  return { line: lines[start.line - 1].trim(), original: oneLine(within.join('\n')) };
}
const oneLine = (text) => text.replace(/\s+/g, ' ').trim();

const equivalents = JSON.parse(readFileSync('test/mutants/equivalent.json', 'utf8')).filter(
  ({ file }) => file === room || file.startsWith(`${room}/`),
);
const used = new Set();
function equivalentOf(mutant) {
  const { line, original } = originalOf(mutant);
  const entry = equivalents.find(
    (known) =>
      known.file === relative(root, mutant.fileName) &&
      known.line === line &&
      known.original === original &&
      known.replacement === oneLine(mutant.replacement),
  );
  if (entry !== undefined) used.add(entry);
  return entry;
}

const drawn = results.filter(({ statusReason }) => statusReason !== NOT_DRAWN);
const of = (...statuses) => drawn.filter(({ status }) => statuses.includes(status));
/** Stryker counts how often a mutant is passed; what never ends passes too often. */
const loops = of('Timeout').filter(({ statusReason }) => statusReason?.startsWith('Hit limit reached'));
const late = of('Timeout').filter((mutant) => !loops.includes(mutant));
const found = [...of('Killed'), ...loops];
const unnoticed = [...of('Survived', 'NoCoverage'), ...late].map((mutant) => ({
  mutant,
  entry: equivalentOf(mutant),
}));
const equivalent = unnoticed.filter(({ entry }) => entry !== undefined);
const missed = unnoticed.filter(({ entry }) => entry === undefined);

const FATES = { NoCoverage: 'no test reaches', Survived: 'survives', Timeout: 'ran out of time' };
const text = missed
  .sort(
    ({ mutant: one }, { mutant: other }) =>
      one.fileName.localeCompare(other.fileName) || one.location.start.line - other.location.start.line,
  )
  .map(({ mutant }) => {
    const { line, original } = originalOf(mutant);
    const place = `${relative(root, mutant.fileName)}:${mutant.location.start.line}`;
    return `${place} ${FATES[mutant.status]} ${mutant.mutatorName}\n    ${line}\n    ${original}  →  ${oneLine(mutant.replacement)}`;
  })
  .join('\n');
writeFileSync(join(cache, 'not-found.txt'), `${text}\n`);

for (const { mutant, entry } of equivalent)
  console.log(
    `equivalent: ${entry.file}: ${entry.original} → ${oneLine(mutant.replacement)}: ${entry.reason}`,
  );
for (const entry of equivalents.filter((known) => !used.has(known)))
  console.log(`In test/mutants/equivalent.json, but found or gone: ${entry.file}: ${entry.line}`);
const missedAs = (status) => missed.filter(({ mutant }) => mutant.status === status).length;
const counted = found.length + missed.length;
const percent = (share) => (100 * share).toFixed(1);
if (size !== null) {
  const [lower, upper] = wilsonInterval(found.length, counted);
  console.log(
    `A sample of ${drawn.length - of('Ignored').length} of ${results.length - of('Ignored').length} mutants, ` +
      `seed ${values.seed}: between ${percent(lower)} and ${percent(upper)} % of all are found (95 %).`,
  );
}
console.log(
  `${room}: ${percent(found.length / counted)} % of ${counted} mutants found: ${found.length} found ` +
    `(${loops.length} endless), ${missedAs('Survived')} survived, ${missedAs('Timeout')} ran out of time, ` +
    `${missedAs('NoCoverage')} that no test reaches. ` +
    `Not counted: ${equivalent.length} equivalent, ${of('Ignored').length} that only run while a module loads, ` +
    `${of('CompileError', 'RuntimeError').length} that cannot run.`,
);
console.log(`What was not found: ${join(cache, 'not-found.txt')}`);
