/**
 * bench:answers: does every run on a machine with neighbours answer, in the time that it promised, and are
 * its answers right? The quickstart beside nobody, beside a process that wants a quarter, a half and the
 * whole of one CPU, and beside one that copies memory, six times each; then with an engine that is really 5
 * and 20 % slower. Claims:
 *
 * - every row has a number and an interval, within 1.25 times the promised time;
 * - no headline lies beyond its starts by more than a quarter, and 95 % intervals of prediction hold another
 *   run of the level in 90 to 99 %;
 * - beside a burner of a quarter of a CPU the median half width of a row is at most 25 %; rows stand in the
 *   order of their grand means;
 * - 95 % intervals of the calm machine hold the grand median of their row in 90 to 99 % at each level, and in
 *   93 to 97 % over all;
 * - all ratios of all pairs answer; of pairs of one build, within a level and across levels, at most 5 % have
 *   a find (Holm, by metric);
 * - the median half width of a ratio is at most 1.5 times that of llama-bench, three processes a side in
 *   turns for the same time;
 * - of really slower rows those whose smallest visible difference is no larger than the slowdown are found in
 *   at least 80 %.
 *
 *   npm run bench -- answers [--runs=6] [--slow=2] [--out=FOLDER] [--from=FOLDER] [--sweep=FILE]
 *
 * About an hour and a half; runs that FOLDER holds are read and not run again, so that an interrupted bench
 * goes on. With --from the folders of `ridge run` below FOLDER are judged and nothing is run: the name of the
 * folder above each is its level.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calmName } from '../../report/quoted.js';
import { median } from '../../statistics/quantile.js';
import { modelPath } from '../models/loading.js';
import { ROOT } from '../support/ridge.js';
import { slowed } from '../support/slowed.js';
import {
  countPairs,
  coverageOf,
  headlinesOf,
  METRICS,
  orderOf,
  type PairCounts,
  pairsOf,
  slowdownsFound,
  unanswered,
} from './answers/analysis.js';
import { type BenchStart, benchOnce, halfWidthOf } from './answers/llama-bench.js';
import { NEIGHBOURS } from './answers/neighbours.js';
import { type Run, readAgain, runBeside } from './answers/runs.js';
import { conclude, type Figure } from './figure.js';
import { peer } from './peers/llama-cpp.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const say = (line: string): void => void process.stderr.write(`answers: ${line}\n`);
const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const sweep = argument('sweep') ?? join(ROOT, 'docs/examples/quickstart.yaml');
const from = argument('from');
const out = argument('out') ?? mkdtempSync(join(tmpdir(), 'ridgepoint-answers-'));

const SLOWER = [0.05, 0.2] as const;
/** Beside whom slower engines are run. */
const SLOW_BESIDE = NEIGHBOURS.filter(({ name }) => ['nobody', 'burner-50'].includes(name));

/** Runs of all levels in turn, so that what the host does over an hour is in each of them. */
async function runAll(times: number): Promise<Run[]> {
  const runs: Run[] = [];
  for (let i = 1; i <= times; i += 1) {
    for (const neighbour of NEIGHBOURS) {
      const run = await runBeside(sweep, join(out, neighbour.name, `run-${i}`), neighbour);
      say(
        `${neighbour.name} ${i} of ${times}: ${run.seconds.toFixed(0)} s, promised ${run.promisedSeconds ?? 'nothing'}`,
      );
      runs.push(run);
    }
  }
  return runs;
}

async function runSlow(share: number, times: number): Promise<Run[]> {
  const runs: Run[] = [];
  const program = slowed(share, out);
  for (let i = 1; i <= times; i += 1)
    for (const neighbour of SLOW_BESIDE)
      runs.push(
        await runBeside(sweep, join(out, `slower-${share}`, `${neighbour.name}-${i}`), neighbour, program),
      );
  return runs;
}

/**
 * Two sides of one build in turns, three processes each, for each of the two rows that llama-bench can run.
 */
async function benchInTurns(): Promise<number> {
  const file = join(out, 'llama-bench.json');
  const sides: BenchStart[][][] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  if (sides.length === 0) {
    const tool = await peer('llama-bench', say);
    for (const flashAttention of [true, false]) {
      const [a, b]: BenchStart[][] = [[], []];
      // A start of the quickstart repeats for half a second.
      for (let start = 0; start < 3; start += 1)
        for (const side of start % 2 === 0 ? [a!, b!] : [b!, a!])
          side.push(await benchOnce(tool, modelPath('small'), flashAttention, 2));
      sides.push([a!, b!]);
    }
    writeFileSync(file, JSON.stringify(sides));
  }
  const widths = sides.flatMap(([a, b]) =>
    (['prefill', 'decode'] as const).map((phase) =>
      halfWidthOf(
        a!.map((start) => start[phase]),
        b!.map((start) => start[phase]),
      ),
    ),
  );
  return median(widths);
}

function answerFigures(runs: readonly Run[]): Figure[] {
  const { cells, lacking } = unanswered(runs);
  const timed = runs.filter(({ promisedSeconds }) => promisedSeconds !== null);
  const worst = Math.max(...timed.map(({ seconds, promisedSeconds }) => seconds / promisedSeconds!));
  return [
    {
      claim: 'every row has a number and an interval',
      measured: `${cells - lacking} of ${cells} (${runs.length} runs)`,
      required: 'all',
      holds: cells > 0 && lacking === 0,
    },
    {
      claim: 'a run takes as long as it promised',
      measured: `${timed.length} of ${runs.length} promised; the longest took ${worst.toFixed(2)} times that`,
      required: 'at most 1.25 times',
      holds: timed.length === runs.length && worst <= 1.25,
    },
  ];
}

function coverageFigures(runs: readonly Run[]): Figure[] {
  const levels = [...new Set(runs.map(({ level }) => level))];
  const text = ({ held, intervals, halfWidth }: ReturnType<typeof coverageOf>) =>
    `${percent(held / intervals)} of ${intervals}, half width ± ${percent(halfWidth)}`;
  const all = coverageOf(runs, runs);
  const share = all.held / all.intervals;
  return [
    ...levels.map((level) => {
      const own = runs.filter((run) => run.level === level);
      const covered = coverageOf(own, own);
      const held = covered.held / covered.intervals;
      return {
        claim: `95 % intervals of a calm machine hold the grand median of the level's runs, ${level}`,
        measured: `${text(covered)}; that of all levels in ${percent(coverageOf(own, runs).held / covered.intervals)}`,
        required: '90 to 99 %',
        holds: held >= 0.9 && held <= 0.99,
      };
    }),
    {
      claim: '95 % intervals of a calm machine hold the grand median of all runs of all levels',
      measured: text(all),
      required: '93 to 97 %',
      holds: share >= 0.93 && share <= 0.97,
    },
  ];
}

const orderText = (runs: readonly Run[]) =>
  `${orderOf(runs, (metric) => metric).toFixed(3)}, of calm numbers ${orderOf(runs, calmName).toFixed(3)}`;

function headlineFigures(runs: readonly Run[]): Figure[] {
  const levels = [...new Set(runs.map(({ level }) => level))];
  const { rows, beyond, unlike } = headlinesOf(runs);
  const [now, calm] = [orderOf(runs, (metric) => metric), orderOf(runs, calmName)];
  const adjusted = runs.filter((run) => headlinesOf([run]).unlike === 0);
  const among =
    adjusted.length === 0
      ? ''
      : `; in the ${adjusted.length} runs without a number as measured ${orderText(adjusted)}`;
  return [
    {
      claim: 'headlines lie within their starts, or a quarter beyond',
      measured: `${beyond} of ${rows} beyond; ${unlike} as measured, for their moments were unlike the others'`,
      required: 'none beyond',
      holds: beyond === 0,
    },
    {
      claim: 'order of rows (Kendall) against their grand means',
      measured: `${orderText(runs)}${among}`,
      required: 'at least that of calm numbers',
      holds: now >= calm - 0.005,
    },
    ...levels.flatMap((level): Figure[] => {
      const { predictions, held, halfWidth } = headlinesOf(runs.filter((run) => run.level === level));
      if (predictions === 0) return [];
      const share = held / predictions;
      const narrow = level !== 'burner-25' || halfWidth <= 0.25;
      return [
        {
          claim: `intervals of prediction hold another run, ${level}`,
          measured: `${percent(share)} of ${predictions}, half width ± ${percent(halfWidth)}`,
          required: `90 to 99 %${level === 'burner-25' ? ', ± 25 %' : ''}`,
          holds: share >= 0.9 && share <= 0.99 && narrow,
        },
      ];
    }),
  ];
}

function pairFigure(what: string, counts: PairCounts): Figure {
  const { pairs, families, found, ratios, single, unanswered: none } = counts;
  return {
    claim: `one build compared with itself, ${what}: every ratio answers, and no more is found than chance finds`,
    measured: `${pairs} pairs: ${none} of ${ratios} ratios without an answer; a find in ${found} of ${families} (${percent(found / families)}); single intervals exclude 1 in ${percent(single / ratios)}; half width ± ${percent(counts.halfWidth)}`,
    required: 'none without an answer; finds in at most 5 %',
    holds: none === 0 && found <= 0.05 * families,
  };
}

function pairFigures(runs: readonly Run[]): { figures: Figure[]; halfWidth: number } {
  const pairs = pairsOf(runs);
  const levels = [...new Set(runs.map(({ level }) => level))];
  const within = pairs.filter(([a, b]) => a.level === b.level);
  const across = countPairs(pairs.filter(([a, b]) => a.level !== b.level));
  for (const level of levels) {
    const own = countPairs(within.filter(([a]) => a.level === level));
    console.log(`  ${pairFigure(level, own).measured} (${level})`);
  }
  const inside = countPairs(within);
  return {
    figures: [
      pairFigure('within a level', inside),
      ...(across.pairs > 0 ? [pairFigure('across levels', across)] : []),
    ],
    halfWidth: countPairs(within.filter(([a]) => a.level === levels[0])).halfWidth,
  };
}

function slowFigure(share: number, runs: readonly Run[], slow: readonly Run[]): Figure {
  const pairs = runs
    .filter(({ level }) => SLOW_BESIDE.some(({ name }) => name === level))
    .flatMap((a) => slow.map((b) => [a, b] as const));
  const { promised, found, of } = slowdownsFound(pairs, share);
  return {
    claim: `rows that are really ${percent(share, 0)} slower are found where the smallest visible difference says so`,
    measured: `${found} of ${promised} (${promised} of ${of} said so)`,
    required: 'at least 80 %',
    holds: promised === 0 || found >= 0.8 * promised,
  };
}

function recorded(folder: string): Run[] {
  return readdirSync(folder).flatMap((level) =>
    readdirSync(join(folder, level))
      .filter((run) =>
        ['results.jsonl', 'trials.jsonl'].some((file) => existsSync(join(folder, level, run, file))),
      )
      .map((run) => readAgain(join(folder, level, run), level)),
  );
}

const runs = from === undefined ? await runAll(Number(argument('runs') ?? 6)) : recorded(from);
const { figures, halfWidth } = pairFigures(runs);
const found = [
  ...(from === undefined ? answerFigures(runs) : answerFigures(runs).slice(0, 1)),
  ...headlineFigures(runs),
  ...coverageFigures(runs),
  ...figures,
];
if (from === undefined) {
  const theirs = await benchInTurns();
  found.push({
    claim: `the median half width of a ratio (${METRICS.join(', ')}), beside nobody`,
    measured: `± ${percent(halfWidth)}, llama-bench in turns ± ${percent(theirs)}`,
    required: 'at most 1.5 times that of llama-bench',
    holds: halfWidth <= 1.5 * theirs,
  });
  const times = Number(argument('slow') ?? 2);
  for (const share of SLOWER) if (times > 0) found.push(slowFigure(share, runs, await runSlow(share, times)));
}
say(`the records are in ${from ?? out}`);
conclude('answers', found);
