/**
 * bench:size: how much there is. Prints lines by room, words of docs, functions over 80 lines and imports across rooms; fails where a
 * budget of test/support/budgets.ts is exceeded, which the architecture test holds, too.
 *
 *   npm run bench -- size
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { BUDGETS, overBudget } from '../support/budgets.js';
import { ROOT } from '../support/ridge.js';
import { longFunctions, sizeOf } from '../support/size.js';
import { conclude } from './figure.js';

const size = sizeOf(ROOT);
const rooms = [...size.rooms].sort((a, b) => b[1] - a[1]);
const total = rooms.reduce((sum, [, lines]) => sum + lines, 0);
for (const [room, lines] of rooms) console.log(`${room.padEnd(12)} ${String(lines).padStart(7)}`);
const others = {
  code: total,
  tests: size.tests,
  benches: size.benches,
  schemas: size.schemas,
  words: size.words,
};
for (const [name, count] of Object.entries(others))
  console.log(`${name.padEnd(12)} ${String(count).padStart(7)}`);

const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('test/') && !file.includes('/gen/'));
const long = longFunctions(ROOT, files, BUDGETS.functionLines);
console.log(`functions over ${BUDGETS.functionLines} lines: ${long.length}`);
for (const one of long) console.log(`  ${one.lines} ${one.file}:${one.line} ${one.name}`);

const across = files.reduce((sum, file) => {
  const targets = [
    ...readFileSync(join(ROOT, file), 'utf8').matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g),
  ];
  const room = file.split('/')[0];
  return (
    sum +
    targets.filter((match) => {
      const to = relative(ROOT, resolve(ROOT, dirname(file), match[1] ?? match[2]!));
      return to.split('/')[0] !== room;
    }).length
  );
}, 0);
console.log(`imports across rooms: ${across}`);

conclude(
  'size',
  overBudget(size, long.length).map(({ claim, measured, required, holds }) => ({
    claim,
    measured: String(measured),
    required: `at most ${required}`,
    holds,
  })),
);
