/**
 * bench:notes: does each note fire as often as it says where nothing happened? On the runs of one build that `reproduce` recorded,
 * made steady: starts of a row are dealt to other blocks at random, repeats of a start put into random order. What noise there is
 * stays, what hangs on time goes. Claims: the drift headline comes up in 5 % of such sweeps, within a factor of 1.5, and the note
 * drift-trend at most 1.5 times as often as its p says; few repeats cannot reach it, so that it comes less often. Beside it: in how many sweeps each warning was raised as they were recorded.
 *
 *   npm run bench -- notes --from=FOLDER [--draws=400]
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { driftOf, speedsOf, WATCHED } from '../../core/judgement/drift.js';
import { TREND_ALPHA } from '../../core/judgement/speed.js';
import { isPresent, type ResultRecord } from '../../core/result/result.js';
import { mannKendall } from '../../core/statistics/trend.js';
import { conclude, type Figure } from './figure.js';
import { readAgain } from './reproduce/runs.js';
import { type Draw, drawFrom, shuffled } from './statistics/draw.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const from = argument('from');
if (from === undefined) {
  console.error('notes needs --from=FOLDER: what `npm run bench -- reproduce --out=FOLDER` wrote.');
  process.exit(2);
}
const draws = Number(argument('draws') ?? 400);
const folder = join(from, 'plain');
const runs = readdirSync(folder)
  .sort()
  .map((name) => readAgain(join(folder, name)));

/** The same starts, each row's dealt anew to the blocks that the row was measured in. */
function steady(records: readonly ResultRecord[], draw: Draw): ResultRecord[] {
  const rows = new Map<string, ResultRecord[]>();
  for (const record of records.filter(
    (r) => r.status === 'complete' && (r.valid || r.sweep.purpose === 'control'),
  )) {
    const key = `${record.experimentId} ${record.sweep.purpose}`;
    rows.set(key, [...(rows.get(key) ?? []), record]);
  }
  return [...rows.values()].flatMap((starts) => {
    const measured = shuffled(
      starts.map(({ measurements }) => measurements),
      draw,
    );
    return starts.map((start, i) => ({ ...start, measurements: measured[i]! }));
  });
}

const trending = (records: readonly ResultRecord[], draw: Draw): boolean =>
  records.some(({ measurements }) =>
    WATCHED.some(([metric]) => {
      const entry = measurements[metric];
      if (!isPresent(entry) || entry.samples === null) return false;
      return (mannKendall(shuffled(entry.samples, draw))?.p ?? 1) < TREND_ALPHA;
    }),
  );

const rate = (fires: (records: readonly ResultRecord[], draw: Draw) => boolean): number => {
  let fired = 0;
  for (let i = 0; i < draws; i++) {
    const draw = drawFrom(i + 1);
    fired += Number(fires(steady(runs[i % runs.length]!.records, draw), draw));
  }
  return fired / draws;
};
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const within = (share: number, stated: number) => share <= stated * 1.5 && share >= stated / 1.5;

// The size below which a drift is not told is left out: rates are those of the tests.
const drift = rate(
  (records) =>
    driftOf(
      records.flatMap((record) => speedsOf(record) ?? []),
      { indifference: 0 },
    ) !== null,
);
const trend = rate(trending);
const starts = runs[0]!.records.length;
const statedTrend = 1 - (1 - TREND_ALPHA) ** (2 * starts);
const seen = new Map<string, number>();
for (const { report } of runs) for (const { code } of report.notes) seen.set(code, (seen.get(code) ?? 0) + 1);
for (const [code, count] of seen)
  console.log(`${code}: raised in ${count} of ${runs.length} sweeps as they were recorded`);
const headlines = runs.filter(({ report }) =>
  report.headlines.some((line) => line.includes(' than during ')),
).length;
console.log(`drift headline: in ${headlines} of ${runs.length} sweeps as they were recorded`);

const figures: Figure[] = [
  {
    claim: 'the drift headline on a steady machine',
    measured: `${percent(drift)} of ${draws} sweeps`,
    required: '5 % within a factor of 1.5',
    holds: within(drift, 0.05),
  },
  {
    claim: `drift-trend on a steady machine (p < ${TREND_ALPHA} for each metric of ${starts} trials)`,
    measured: `${percent(trend)} of ${draws} sweeps`,
    required: `at most ${percent(statedTrend * 1.5)} (${percent(statedTrend)} nominal; few repeats cannot reach such a p)`,
    holds: trend <= statedTrend * 1.5,
  },
];
conclude('notes', figures);
