/**
 * Scorers and statistics against the packages that define them: 200 generated cases each of texts (sacreBLEU,
 * rouge-score), classes, numbers and grades (scikit-learn), to 1e-6. A part of bench:scenarios; alone:
 *
 *   RIDGEPOINT_SCORERS_PYTHON=…/bin/python node --import tsx test/bench/scenarios/scorers.ts [--golden=FILE]
 *
 * --golden writes the first cases of each kind with what the packages printed, which unit tests hold ours
 * against.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { type Case, scoresOf } from '../../support/score-cases.js';
import { conclude, type Figure } from '../figure.js';

const CASES = 200;
const TOLERANCE = 1e-6;
/** Of each kind, for the unit tests. */
const GOLDEN = 6;

const random = xoroshiro128plus(28);
const below = (count: number) => Math.floor(((random.next() >>> 0) / 2 ** 32) * count);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

const WORDS =
  'the a cat dog runs quickly over lazy fox, jumps. 3.5 1,234 well-known (very) "quoted" it\'s no! why? x86-64 U.S. e-mail; price: $5 50% A/B &amp; don\'t end-'.split(
    ' ',
  );

/** Words, with some of them changed, left out or doubled. */
function near(words: readonly string[]): string {
  return words
    .flatMap((word) => {
      const dice = below(10);
      return dice === 0 ? [] : dice === 1 ? [pick(WORDS)] : dice === 2 ? [word, word] : [word];
    })
    .join(' ');
}

const text = (): Case => {
  const [segments, references] = [1 + below(4), 1 + below(2)];
  const truth = many(segments, () => many(1 + below(14), () => pick(WORDS)));
  return {
    kind: 'text',
    answers: truth.map((words) => (below(20) === 0 ? '' : near(words))),
    references: truth.map((words) => many(references, () => near(words) || 'a')),
  };
};
const classes = (): Case => {
  const [n, names] = [2 + below(40), ['yes', 'no', 'maybe', 'A', 'B'].slice(0, 2 + below(4))];
  return {
    kind: 'classes',
    truth: many(n, () => pick(names)),
    said: many(n, () => (below(8) === 0 ? 'other' : pick(names))),
  };
};
const numbers = (): Case => {
  const n = 2 + below(40);
  return {
    kind: 'numbers',
    truth: many(n, () => below(100) / 7),
    said: many(n, () => below(20) / 4),
    positive: many(n, () => below(2)),
  };
};
const grades = (): Case => {
  const [n, from, levels] = [2 + below(40), below(2), 2 + below(9)];
  const scale = Array.from({ length: levels }, (_, i) => from + i);
  const a = many(n, () => pick(scale));
  return { kind: 'grades', a, b: a.map((grade) => (below(2) === 0 ? grade : pick(scale))), scale };
};

/** @returns all numbers of an answer with where they stand. */
function* leaves(value: unknown, path = ''): Generator<readonly [string, number | null]> {
  if (value === null || typeof value === 'number') yield [path, value];
  else if (typeof value === 'object')
    for (const [key, one] of Object.entries(value as object)) yield* leaves(one, `${path}.${key}`);
}

function furthest(theirs: unknown, ours: unknown): number {
  const own = new Map(leaves(ours));
  const apart = [...leaves(theirs)].map(([path, value]) => {
    const other = own.get(path);
    if (value === null || other === null || other === undefined) return value === other ? 0 : Infinity;
    return Math.abs(value - other);
  });
  return apart.reduce((a, b) => Math.max(a, b), 0);
}

interface Theirs {
  readonly versions: Readonly<Record<string, string>>;
  readonly found: readonly unknown[];
}

/** @param python an interpreter with sacrebleu, rouge-score and scikit-learn. */
export function scorerFigures(python: string, golden: string | null = null): Figure[] {
  const cases = [text, classes, numbers, grades].flatMap((make) => many(CASES, make));
  const read = execFileSync(python, [join(import.meta.dirname, 'scorers.py')], {
    input: JSON.stringify(cases),
    maxBuffer: 2 ** 28,
  });
  const { versions, found } = JSON.parse(read.toString()) as Theirs;
  const pairs = cases.map((one, i) => ({ case: one, theirs: found[i] }));
  const kinds = [...new Set(cases.map(({ kind }) => kind))];
  if (golden !== null) {
    const kept = kinds.flatMap((kind) => pairs.filter((pair) => pair.case.kind === kind).slice(0, GOLDEN));
    writeFileSync(golden, `${JSON.stringify(kept, null, 1)}\n`);
  }
  const against = Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
  return kinds.map((kind) => {
    const own = pairs.filter((pair) => pair.case.kind === kind);
    const distances = own.map((pair) => furthest(pair.theirs, scoresOf(pair.case)));
    const worst = distances.reduce((a, b) => Math.max(a, b), 0);
    const within = distances.filter((distance) => distance <= TOLERANCE).length;
    const bad = distances.findIndex((distance) => distance > TOLERANCE);
    if (bad >= 0) console.error(JSON.stringify({ ...own[bad], ours: scoresOf(own[bad]!.case) }, null, 1));
    return {
      claim: `${kind}: ours are those of ${against}, rouge-score`,
      measured: `${within} of ${own.length} cases, at most ${worst.toExponential(1)} apart`,
      required: `all within ${TOLERANCE}`,
      holds: within === own.length,
    };
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const python = process.env.RIDGEPOINT_SCORERS_PYTHON;
  if (python === undefined) {
    console.error('Name a Python with sacrebleu, rouge-score and scikit-learn in RIDGEPOINT_SCORERS_PYTHON.');
    process.exit(2);
  }
  const golden = process.argv.find((word) => word.startsWith('--golden='))?.slice('--golden='.length);
  conclude('scenarios/scorers', scorerFigures(python, golden ?? null));
}
