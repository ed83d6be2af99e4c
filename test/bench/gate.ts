/**
 * bench:gate: does a gate of `ridge compare` tell a slower build from noise? Claims, at a gate of -5 % on
 * decode:
 *
 * - orderings: of all ordered pairs of six runs of one build, beside nobody and beside a process that burns
 *   one CPU at random moments, none is red;
 * - slow: a build whose engine takes 25 % longer is red in at least 16 of 20 pairs of runs, and green in
 *   none;
 * - again: one that takes 10 % longer is red in at least 16 of 20 rows that `--again` measures within ten
 *   minutes each, beside the burner, too, and green in none.
 *
 *   npm run bench -- gate [--part=orderings,slow,again] [--out=FOLDER] [--sweep=FILE] [--within=10min]
 *   [--rows=20] [--slow25=FOLDER] [--slow10=FOLDER] folders of slower builds of the engine, as
 *   RIDGE_LLAMA_CPP takes them; else made here npm run bench -- gate --from=FOLDER recorded runs of one build
 *   (folders of `ridge run`, or their trials as .jsonl)
 *
 * Some 20 minutes for the orderings, as long for the slower build, and up to seven hours for --again: runs
 * and rows that FOLDER holds are read and not measured again.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRun } from '../../cli/report/run-folder.js';
import { buildReport } from '../../report/build.js';
import { comparisonOf, matchRows } from '../../report/compare.js';
import { type GateOutcome, judgeGate, readGate } from '../../report/gate.js';
import type { Report } from '../../report/report.js';
import { burnAtRandom } from '../support/burn.js';
import { ROOT, ridge } from '../support/ridge.js';
import { slowedEngine } from '../support/slowed.js';
import { conclude, type Figure } from './figure.js';

const argument = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const say = (line: string): void => void process.stderr.write(`gate: ${line}\n`);
const out = argument('out') ?? mkdtempSync(join(tmpdir(), 'ridgepoint-gate-'));
const sweep = argument('sweep') ?? join(ROOT, 'docs/examples/quickstart.yaml');
const parts = (argument('part') ?? 'orderings,slow,again').split(',');
const rows = Number(argument('rows') ?? 20);

const RUNS = 6;
const SLOW_RUNS = 4;
const PAIRS = 20;
/** Of twenty. */
const FOUND = 0.8;
const METRIC = 'decodeTokensPerSecond';
const LIMIT = `${METRIC}:-5%`;
const gate = readGate(LIMIT);
if (!gate.ok) throw new Error(gate.message);
const GATE = gate.value;

type Outcome = GateOutcome['outcome'];

/** The worst that a gate says of any row. */
const worst = (outcomes: readonly Outcome[]): Outcome =>
  outcomes.includes('red') ? 'red' : outcomes.includes('undecided') ? 'undecided' : 'green';

/** What `ridge compare A B --gate decodeTokensPerSecond:-5%` ends with. */
function outcomeOf(a: Report, b: Report): Outcome {
  const { pairs } = matchRows(a, b, new Set());
  const compared = comparisonOf(pairs, [METRIC], { oneSitting: false });
  return worst(judgeGate(GATE, compared).map(({ outcome }) => outcome));
}

const count = (outcomes: readonly Outcome[]) =>
  (['red', 'undecided', 'green'] as const)
    .map((word) => `${outcomes.filter((outcome) => outcome === word).length} ${word}`)
    .join(', ');

function readReport(source: string): Report {
  const { records, request } = readRun(source);
  return buildReport(records, request);
}

/** Runs the sweep from nothing with a build of the engine; a folder that holds it already is read. */
async function runOnce(name: string, engine: string | null): Promise<Report> {
  const folder = join(out, name);
  if (!existsSync(join(folder, 'results.jsonl'))) {
    mkdirSync(folder, { recursive: true });
    const { code, stderr } = await ridge(['run', sweep, '--out', folder, '--format', 'csv', '--no-roofs'], {
      env: engine === null ? {} : { RIDGE_LLAMA_CPP: engine },
    });
    if (!existsSync(join(folder, 'results.jsonl'))) throw new Error(`${name} ended with ${code}: ${stderr}`);
  }
  const report = readReport(folder);
  const { experiments, valid } = report.counts;
  say(`${name}: ${valid} of ${experiments} rows`);
  return report;
}

async function runs(name: string, times: number, engine: string | null): Promise<Report[]> {
  const all: Report[] = [];
  for (let i = 1; i <= times; i += 1) all.push(await runOnce(join(name, `run-${i}`), engine));
  return all;
}

function orderingsFigure(reports: readonly Report[], how: string): Figure {
  const outcomes = reports.flatMap((a) => reports.filter((b) => b !== a).map((b) => outcomeOf(a, b)));
  return {
    claim: `all ordered pairs of ${reports.length} runs of one build, ${how}, a gate of -5 %`,
    measured: count(outcomes),
    required: 'no red one',
    holds: outcomes.length > 0 && !outcomes.includes('red'),
  };
}

function foundFigure(claim: string, outcomes: readonly Outcome[]): Figure {
  const red = outcomes.filter((outcome) => outcome === 'red').length;
  return {
    claim,
    measured: `${count(outcomes)} of ${outcomes.length}`,
    required: `red in at least ${Math.ceil(FOUND * outcomes.length)}, green in none`,
    holds: outcomes.length > 0 && red >= FOUND * outcomes.length && !outcomes.includes('green'),
  };
}

/** Beside a process that burns one CPU at random moments, or nobody. */
async function beside<T>(burner: boolean, work: () => Promise<T>): Promise<T> {
  const process = burner ? burnAtRandom(1) : null;
  try {
    return await work();
  } finally {
    process?.kill('SIGKILL');
  }
}

async function orderings(): Promise<Figure[]> {
  const plain = await runs('plain', RUNS, null);
  const burnt = await beside(true, () => runs('burnt', RUNS, null));
  return [orderingsFigure(plain, 'nothing else running'), orderingsFigure(burnt, 'beside a burner')];
}

async function slow(engine: string): Promise<Figure[]> {
  const [plain, slower] = [await runs('plain', RUNS, null), await runs('slow25', SLOW_RUNS, engine)];
  const pairs = plain.flatMap((a) => slower.map((b) => [a, b] as const)).slice(0, PAIRS);
  return [
    foundFigure(
      'a build that takes 25 % longer, pairs of runs',
      pairs.map(([a, b]) => outcomeOf(a, b)),
    ),
  ];
}

/** Rows of a run of each build, measured again one by one. */
async function again(engine: string, burner: boolean): Promise<Figure> {
  const [a, b] = [await runOnce('plain/run-1', null), await runOnce('slow10/run-1', engine)];
  const folder = join(out, burner ? 'again-burnt' : 'again');
  mkdirSync(folder, { recursive: true });
  const numbers = a.rows
    .map(({ number }) => number)
    .filter((number) => b.rows.some((row) => row.number === number));
  const outcomes = await beside(burner, async () => {
    const all: Outcome[] = [];
    for (let i = 0; i < rows; i += 1) {
      const file = join(folder, `${i + 1}.json`);
      if (!existsSync(file)) {
        const number = numbers[i % numbers.length];
        const sides = ['plain', 'slow10'].map((name) => `${join(out, name, 'run-1')}#${number}`);
        const words = [
          '--again',
          '--within',
          argument('within') ?? '10min',
          '--out',
          join(folder, `${i + 1}`),
        ];
        const { stdout, stderr } = await ridge(['compare', ...sides, '--gate', LIMIT, ...words, '--json']);
        if (stdout === '') throw new Error(stderr);
        writeFileSync(file, stdout);
      }
      const { gates } = JSON.parse(readFileSync(file, 'utf8')) as { gates: readonly GateOutcome[] };
      all.push(worst(gates.map(({ outcome }) => outcome)));
      say(`${burner ? 'beside a burner, ' : ''}row ${i + 1} of ${rows}: ${all.at(-1)}`);
    }
    return all;
  });
  const where = burner ? ' beside a burner' : '';
  return foundFigure(`a build that takes 10 % longer, one row with --again${where}`, outcomes);
}

/** The slower build that is named, else this one made to compute longer. */
const slowerBy = (percent: 10 | 25) => argument(`slow${percent}`) ?? slowedEngine(percent / 100, out);

const from = argument('from');
const figures: Figure[] = [];
if (from !== undefined) {
  const recorded = readdirSync(from)
    .sort()
    .map((name) => readReport(join(from, name)));
  figures.push(orderingsFigure(recorded, 'recorded'));
} else {
  if (parts.includes('orderings')) figures.push(...(await orderings()));
  if (parts.includes('slow')) figures.push(...(await slow(slowerBy(25))));
  if (parts.includes('again')) {
    const engine = slowerBy(10);
    figures.push(await again(engine, false), await again(engine, true));
  }
  say(`the records are in ${out}`);
}
conclude('gate', figures);
