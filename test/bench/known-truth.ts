/**
 * bench:known-truth: does a comparison find nothing where there is nothing, though the readings beside it are
 * those of a disturbed machine? The records of a run beside neighbours, in which each start's decode is
 * replaced by a known number of its row times noise of its own, which readings do not explain. Claims, for
 * noise of 5 and of 15 %:
 *
 * - at most 5 % of comparisons of two such runs have a find (Holm);
 * - 93 to 97 % of the intervals of their ratios hold the true one;
 * - the same where one side is really slower by a fifth.
 *
 *   npm run bench -- known-truth [--pairs=200] [--from=FOLDER]
 *
 * A few minutes. FOLDER holds runs of `ridge run` (answers --out), in whose place stand two that were
 * recorded.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readRun } from '../../cli/report/run-folder.js';
import { isPresent, type ResultRecord, resultSchema } from '../../core/result/result.js';
import { axisValues } from '../../core/sweep/labels.js';
import { buildReport } from '../../report/build.js';
import { comparisonOf, matchRows } from '../../report/compare.js';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { type Draw, drawFrom } from './statistics/draw.js';

const METRIC = 'decodeTokensPerSecond';
const NOISE = [0.05, 0.15] as const;
const SLOWER = 0.8;
const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

type Records = readonly ResultRecord[];

const isStart = ({ status, sweep }: ResultRecord) => status === 'complete' && sweep.purpose === 'measure';

function runsOf(folder: string | undefined): Records[] {
  if (folder === undefined) return fixtureRuns();
  return readdirSync(folder).flatMap((level) =>
    readdirSync(join(folder, level))
      .filter((run) =>
        ['results.jsonl', 'trials.jsonl'].some((file) => existsSync(join(folder, level, run, file))),
      )
      .map((run) => readRun(join(folder, level, run)).records.filter(isStart)),
  );
}

function fixtureRuns(): Records[] {
  const text = gunzipSync(readFileSync(join(ROOT, 'test/fixtures/disturbed-runs.jsonl.gz'))).toString();
  const records = text.split('\n').filter((line) => line !== '');
  return records.map((line): ResultRecord => resultSchema.parse(JSON.parse(line))).reduce(byRun, []);
}

const byRun = (runs: ResultRecord[][], record: ResultRecord): ResultRecord[][] => {
  const own = runs.find(([first]) => first!.sweep.id === record.sweep.id);
  if (own === undefined) runs.push([record]);
  else own.push(record);
  return runs;
};

/**
 * The same run, if nobody had slowed decode and each start had noise of its own. @param truths by experiment.
 */
function drawn(records: Records, truths: ReadonlyMap<string, number>, noise: number, draw: Draw): Records {
  return records.map((record) => {
    const entry = record.measurements[METRIC];
    if (!isPresent(entry)) return record;
    const value = truths.get(pointOf(record))! * Math.exp(noise * draw.normal());
    const samples = entry.samples?.map((sample) => (sample * value) / entry.value) ?? null;
    return { ...record, measurements: { ...record.measurements, [METRIC]: { ...entry, value, samples } } };
  });
}

const pointOf = ({ experiment }: ResultRecord) => JSON.stringify(axisValues(experiment));

interface Counts {
  pairs: number;
  found: number;
  ratios: number;
  held: number;
  right: number;
}

/** @param pairs of recorded runs; the second one is `ratio` times as fast. */
function counted(
  pairs: readonly (readonly [Records, Records])[],
  noise: number,
  ratio: number,
  draw: Draw,
): Counts {
  const counts: Counts = { pairs: 0, found: 0, ratios: 0, held: 0, right: 0 };
  for (const [first, second] of pairs) {
    const truths = new Map(first.map((record) => [pointOf(record), 1500 * Math.exp(0.3 * draw.normal())]));
    const slower = new Map([...truths].map(([point, truth]) => [point, truth * ratio]));
    const [a, b] = [drawn(first, truths, noise, draw), drawn(second, slower, noise, draw)].map((records) =>
      buildReport(records, { sweepName: 'known', objectives: [] }),
    ) as [ReturnType<typeof buildReport>, ReturnType<typeof buildReport>];
    const { changes } = comparisonOf(matchRows(a, b, new Set()).pairs, [METRIC], { oneSitting: true });
    counts.pairs += 1;
    counts.found += Number(changes.some(({ verdict }) => verdict === 'better' || verdict === 'worse'));
    counts.right += changes.filter(({ verdict }) => verdict === 'worse').length;
    counts.ratios += changes.length;
    counts.held += changes.filter(
      ({ interval }) => interval !== null && interval[0] <= ratio && ratio <= interval[1],
    ).length;
  }
  return counts;
}

const runs = runsOf(argument('from'));
const times = Number(argument('pairs') ?? 200);
const draw = drawFrom(41);
/** Each run beside itself and beside each other one, in turn. */
const pairs = Array.from({ length: times }, (_, i) => {
  const a = i % runs.length;
  return [runs[a]!, runs[(a + Math.floor(i / runs.length)) % runs.length]!] as const;
});
const figures = NOISE.flatMap((noise): Figure[] => {
  const same = counted(pairs, noise, 1, draw);
  const slower = counted(pairs, noise, SLOWER, draw);
  const covered = (same.held + slower.held) / (same.ratios + slower.ratios);
  return [
    {
      claim: `starts with ${percent(noise)} of noise that readings do not explain: comparisons of equals with a find`,
      measured: `${same.found} of ${same.pairs} (${percent(same.found / same.pairs)})`,
      required: 'at most 5 %',
      holds: same.found <= 0.05 * same.pairs,
    },
    {
      claim: `${percent(noise)} of noise: intervals of ratios hold the true one`,
      measured: `${percent(covered)} of ${same.ratios + slower.ratios}; of rows that are ${percent(1 - SLOWER)} slower ${percent(slower.right / slower.ratios)} are found`,
      required: '93 to 97 %',
      holds: covered >= 0.93 && covered <= 0.97,
    },
  ];
});
conclude('known-truth', figures);
