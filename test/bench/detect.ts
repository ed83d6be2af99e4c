/**
 * bench:detect: is a slowdown found with as many starts as were promised? Starts of one build, as `reproduce` recorded them, are
 * drawn anew for two runs, the second one slowed down by 2 or 5 %; each run has as many starts as `detectable` says it takes to find
 * that in 90 % of comparisons. Claim: it is found in at least 90 % of 50 seeds, and a slowdown of nothing in at most 5 %.
 *
 *   npm run bench -- detect --from=FOLDER    (the folder that reproduce wrote, --out)
 *
 * With --delay the slowdown is real: the fake runner waits longer in every step, in processes of their own, in one sweep of twins that
 * are alike but for that. The starts that were promised from how its starts differ are measured and compared as rows of one run are.
 *
 *   npm run bench -- detect --delay [--twins=20] [--starts=6] [--out=FOLDER]
 */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blocksOf } from '../../core/judgement/trials.js';
import { detectable } from '../../core/statistics/allocation.js';
import { type Components, componentsOf } from '../../core/statistics/nested.js';
import { median } from '../../core/statistics/quantile.js';
import { compareStarts } from '../../core/statistics/ratio.js';
import { foundAmong, foundAmongEqual, runDelayed } from './detect/delay.js';
import { conclude, type Figure } from './figure.js';
import { startsByRow } from './reproduce/analysis.js';
import { readAgain } from './reproduce/runs.js';
import { drawFrom } from './statistics/noise.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const from = argument('from');
const delay = process.argv.includes('--delay');
if (from === undefined && !delay) {
  console.error(
    'detect needs --from=FOLDER, what `npm run bench -- reproduce --out=FOLDER` wrote, or --delay, which measures.',
  );
  process.exit(2);
}
const SEEDS = 50;
const POWER = 0.9;
const MOST = 2000;
const METRIC = 'decodeTokensPerSecond';

const SLOWDOWNS = [0.02, 0.05] as const;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/** Starts, each in a block of its own, with which a slowdown of this size is found in POWER of comparisons. */
function promised(components: Components, slowdown: number): number {
  for (let starts = 3; starts < MOST; starts++) {
    const { value } = detectable(components, { starts, blocks: starts, repeats: 1 }, { power: POWER });
    if (value !== null && value <= 1 / (1 - slowdown)) return starts;
  }
  return MOST;
}

/** Starts of recorded runs, drawn anew, those of the second run slowed down by arithmetic. */
function drawn(recorded: string): Figure[] {
  const folder = join(recorded, 'plain');
  const runs = readdirSync(folder)
    .sort()
    .map((name) => readAgain(join(folder, name)));
  const rows = [...startsByRow(runs, METRIC).values()].filter((starts) => starts.length >= 10);
  const foundIn = (slowdown: number, starts: (row: readonly number[]) => number): number => {
    let found = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const draw = drawFrom(seed + 1);
      const row = rows[seed % rows.length]!;
      const run = (factor: number) =>
        Array.from({ length: starts(row) }, () => [[factor * row[Math.floor(draw.uniform() * row.length)]!]]);
      const { p } = compareStarts(run(1), run(1 - slowdown));
      found += Number(p !== null && p < 0.05);
    }
    return found / SEEDS;
  };

  const needed = (slowdown: number) => (row: readonly number[]) =>
    promised(componentsOf(row.map((value) => [[value]])), slowdown);
  const figures = SLOWDOWNS.flatMap((slowdown): Figure[] => {
    const starts = needed(slowdown);
    const share = foundIn(slowdown, starts);
    return [
      {
        claim: `a slowdown of ${percent(slowdown)} is found with the starts promised (${median(rows.map(starts))} in the median row)`,
        measured: `in ${percent(share)} of ${SEEDS} seeds`,
        required: 'at least 90 %',
        holds: share >= 0.9,
      },
    ];
  });
  const none = foundIn(0, needed(0.05));
  figures.push({
    claim: 'nothing is found where nothing was slowed down',
    measured: `in ${percent(none)} of ${SEEDS} seeds`,
    required: 'at most 10 % (5 % nominal, 50 seeds)',
    holds: none <= 0.1,
  });
  return figures;
}

/** Twins of the fake runner that really wait longer. */
function measured(): Figure[] {
  const starts = Number(argument('starts') ?? 6);
  const out = argument('out') ?? mkdtempSync(join(tmpdir(), 'ridgepoint-detect-'));
  const twins = Number(argument('twins') ?? 20);
  const { base, slower } = runDelayed(out, { twins, starts, slowdowns: SLOWDOWNS }, (line) =>
    console.error(`detect: ${line}`),
  );
  if (base.length < 2) throw new Error('fewer than two rows are valid: something else used the machine');
  const spreads = base.map((row) => componentsOf(blocksOf(row.starts, METRIC)));
  const figures = SLOWDOWNS.map((slowdown): Figure => {
    const needed = median(spreads.map((components) => promised(components, slowdown)));
    const share = foundAmong(base, slower.get(slowdown)!, Math.min(starts, needed));
    return {
      claim: `a runner that really waits ${percent(slowdown)} longer is found with the starts promised (${needed} in the median row)`,
      measured:
        needed > starts
          ? `not told: ${starts} were measured`
          : `in ${percent(share)} of ${base.length} twins`,
      required: 'at least 90 %',
      holds: needed <= starts && share >= 0.9,
    };
  });
  const none = foundAmongEqual(base, starts);
  return [
    ...figures,
    {
      claim: 'nothing is found among twins that wait alike',
      measured: `in ${percent(none)} of ${base.length - 1} pairs`,
      required: 'at most 10 % (5 % nominal)',
      holds: none <= 0.1,
    },
  ];
}

conclude('detect', [...(from === undefined ? [] : drawn(from)), ...(delay ? measured() : [])]);
