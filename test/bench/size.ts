/**
 * bench:size: how much there is. Prints lines by room, words of docs, functions over 80 lines and imports
 * across rooms, and beside them what a commit had. Nothing fails: the limits of a function and of a file are
 * held by test/architecture.test.ts.
 *
 *   npm run bench -- size [--since=COMMIT]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../support/ridge.js';
import { longFunctions, MOST_LINES, sizeOf, trackedFiles } from '../support/size.js';

const { values } = parseArgs({ options: { since: { type: 'string' } } });

const now = countsOf(ROOT, trackedFiles(ROOT));
const before = values.since === undefined ? null : countsAt(values.since);
for (const [name, count] of now) {
  const earlier = before?.get(name) ?? 0;
  const change =
    before === null || count === earlier ? '' : `  ${count > earlier ? '+' : ''}${count - earlier}`;
  console.log(`${name.padEnd(32)} ${String(count).padStart(7)}${change}`);
}
for (const [name, count] of before ?? [])
  if (!now.has(name)) console.log(`${name.padEnd(32)} ${'0'.padStart(7)}  -${count}`);

/** Every count by its name, those of rooms first. */
function countsOf(root: string, tracked: readonly string[]): Map<string, number> {
  const size = sizeOf(root, tracked);
  const rooms = [...size.rooms].sort((a, b) => b[1] - a[1]);
  const files = tracked.filter(
    (file) => /\.tsx?$/.test(file) && !file.startsWith('test/') && !file.includes('/gen/'),
  );
  return new Map([
    ...rooms,
    ['all code', rooms.reduce((sum, [, lines]) => sum + lines, 0)],
    ['tests', size.tests],
    ['benches', size.benches],
    ['schemas', size.schemas],
    ['words of documentation', size.words],
    [
      `functions over ${MOST_LINES.ofFunction} lines`,
      longFunctions(root, files, MOST_LINES.ofFunction).length,
    ],
    ['imports across rooms', importsAcrossRooms(root, files)],
  ]);
}

function countsAt(commit: string): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-size-'));
  try {
    const archive = join(folder, 'commit.tar');
    execFileSync('git', ['archive', '--output', archive, commit], { cwd: ROOT });
    execFileSync('tar', ['-xf', archive, '-C', folder]);
    const listed = execFileSync('git', ['ls-tree', '-r', '--name-only', commit], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    return countsOf(folder, listed.trim().split('\n'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function importsAcrossRooms(root: string, files: readonly string[]): number {
  return files.reduce((sum, file) => {
    const targets = [
      ...readFileSync(join(root, file), 'utf8').matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g),
    ];
    const room = file.split('/')[0];
    return (
      sum +
      targets.filter((match) => {
        const to = relative(root, resolve(root, dirname(file), match[1] ?? match[2]!));
        return to.split('/')[0] !== room;
      }).length
    );
  }, 0);
}
