#!/usr/bin/env node
// Says what the unit tests would not notice: `npm run test:mutants -- ROOM`, ROOM a folder or a file of
// product code. Stryker changes the room's code in thousands of ways, one at a time, and runs the unit tests
// that reach the change. Found are changes with which a test fails or does not end; not found are those that
// all tests survive, and those that no test reaches. What cannot be told from the original by any test stands
// with its reason in `test/mutants/equivalent.json` and is left out of the score, openly.
//
// Every unit test that reaches the room is a lot: `--tests 'test/unit/statistics/**/*.test.ts'` runs those
// alone, in minutes, and what they find the others need not.
//
// Texts are not changed: a test that repeats a message says nothing, and a wrong word of a union is tsc's to
// find. What runs only while a module loads would need all tests anew for each change; `--static` tries
// those, too. Results are kept in `.cache/mutants` and used again where neither code nor tests changed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    static: { type: 'boolean', default: false },
    tests: { type: 'string' },
  },
});
const [room] = positionals;
if (room === undefined || positionals.length > 1) {
  console.error(
    'npm run test:mutants -- ROOM [--tests GLOB] [--static], e.g. npm run test:mutants -- statistics',
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
  plugins: ['@stryker-mutator/vitest-runner', join(root, 'test/mutants/runner.mjs')],
  vitest: { configFile: 'test/mutants/vitest.config.ts', related: true },
  ...(values.tests === undefined ? {} : { testFiles: [values.tests] }),
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // A process that is kept grows.
  maxTestRunnerReuse: 400,
  timeoutMS: 10_000,
  incremental: true,
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

const of = (...statuses) => results.filter(({ status }) => statuses.includes(status));
const found = of('Killed', 'Timeout');
const unnoticed = of('Survived', 'NoCoverage').map((mutant) => ({ mutant, entry: equivalentOf(mutant) }));
const equivalent = unnoticed.filter(({ entry }) => entry !== undefined);
const missed = unnoticed.filter(({ entry }) => entry === undefined);

const text = missed
  .sort(
    ({ mutant: one }, { mutant: other }) =>
      one.fileName.localeCompare(other.fileName) || one.location.start.line - other.location.start.line,
  )
  .map(({ mutant }) => {
    const { line, original } = originalOf(mutant);
    const place = `${relative(root, mutant.fileName)}:${mutant.location.start.line}`;
    return `${place} ${mutant.status === 'NoCoverage' ? 'no test reaches' : 'survives'} ${mutant.mutatorName}\n    ${line}\n    ${original}  →  ${oneLine(mutant.replacement)}`;
  })
  .join('\n');
writeFileSync(join(cache, 'not-found.txt'), `${text}\n`);

for (const { mutant, entry } of equivalent)
  console.log(
    `equivalent: ${entry.file}: ${entry.original} → ${oneLine(mutant.replacement)}: ${entry.reason}`,
  );
for (const entry of equivalents.filter((known) => !used.has(known)))
  console.log(`In test/mutants/equivalent.json, but found or gone: ${entry.file}: ${entry.line}`);
const survived = missed.filter(({ mutant }) => mutant.status === 'Survived').length;
const counted = found.length + missed.length;
console.log(
  `${room}: ${((100 * found.length) / counted).toFixed(1)} % of ${counted} mutants found: ${found.length} found ` +
    `(${of('Timeout').length} by time), ${survived} survived, ${missed.length - survived} that no test reaches. ` +
    `Not counted: ${equivalent.length} equivalent, ${of('Ignored').length} that only run while a module loads, ` +
    `${of('CompileError', 'RuntimeError').length} that cannot run.`,
);
console.log(`What was not found: ${join(cache, 'not-found.txt')}`);
