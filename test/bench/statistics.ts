/**
 * bench:statistics: do intervals, comparisons and stopping rules of rows of several starts hold what they say? Simulated rows,
 * seeded: log-normal, skewed, starts of two kinds, disturbed repeats; starts that differ by 2 to 4 %, repeats by 0.5 to 2 %, blocks by
 * 0 to 3 %. Prints coverage by method, layout and noise; no machine is measured.
 *
 *   node --import tsx test/bench/statistics.ts [--rows=300] [--pairs=40] [--seed=1] [--part=coverage|comparisons|stopping]
 */
import { mean } from '../../core/statistics/summary.js';
import { conclude, type Figure } from './figure.js';
import { power, sameBuild } from './statistics/comparisons.js';
import { type Coverage, coverage } from './statistics/coverage.js';
import { type Levels, SHAPES } from './statistics/noise.js';
import { stopped } from './statistics/stopping.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const rows = Number(argument('rows') ?? 300);
const pairs = Number(argument('pairs') ?? 40);
const seed = Number(argument('seed') ?? 1);
const part = argument('part');

const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const OWN_BLOCKS = [3, 4, 5, 8].map((starts) => ({
  name: `${starts} starts, a block each`,
  perBlock: Array.from({ length: starts }, () => 1),
}));
const SHARED_BLOCKS = [
  { name: '3 starts in one block', perBlock: [3] },
  { name: '2 blocks of 2 starts', perBlock: [2, 2] },
  { name: '3 blocks of 2 starts', perBlock: [2, 2, 2] },
];
const LEVELS: readonly Levels[] = [
  { within: 0.005, starts: 0.04, blocks: 0 },
  { within: 0.02, starts: 0.02, blocks: 0 },
  { within: 0.01, starts: 0.03, blocks: 0.015 },
  { within: 0.01, starts: 0.02, blocks: 0.03 },
];

function intervals(): Figure[] {
  const figures: Figure[] = [];
  for (const layout of [...OWN_BLOCKS, ...SHARED_BLOCKS]) {
    const cells = SHAPES.flatMap((shape) =>
      LEVELS.map((levels) => ({
        name: `${shape.name}, starts ${percent(levels.starts, 0)}, within ${percent(levels.within)}, blocks ${percent(levels.blocks)}`,
        found: coverage(shape, levels, { perBlock: layout.perBlock, repeats: 4 }, rows, seed),
      })),
    );
    console.log(
      `\n${layout.name}: share of 95 % intervals that hold the long-run centre (worst noise), half width, error of the centre`,
    );
    for (const name of cells[0]!.found.keys()) {
      const of = (key: keyof Coverage) => cells.map((cell) => cell.found.get(name)![key]);
      const worst = cells.reduce((a, b) => (b.found.get(name)!.held < a.found.get(name)!.held ? b : a));
      console.log(
        `  ${name.padEnd(36)} ${percent(mean(of('held')))} (${percent(worst.found.get(name)!.held)}: ${worst.name}), ±${percent(mean(of('halfWidth')))}, ${percent(mean(of('error')), 2)}`,
      );
    }
    const held = mean(cells.map((cell) => cell.found.get('centreOf')!.held));
    const own = layout.perBlock.every((starts) => starts === 1);
    figures.push({
      claim: `${layout.name}: intervals hold the long-run centre`,
      measured: percent(held),
      required: own ? '93 to 97 %' : 'at least 93 %',
      holds: held >= 0.93 && (!own || held <= 0.97),
    });
  }
  return figures;
}

function comparisons(): Figure[] {
  const figures: Figure[] = [];
  const family = {
    plain: [] as number[],
    pooled: [] as number[],
    size: [] as number[],
    sizePooled: [] as number[],
  };
  console.log(
    '\none build run twice, 36 rows of starts 3 % apart: pairs of runs with a comparison called different, after Holm; p < 0.05 of single ones',
  );
  for (const layout of [OWN_BLOCKS[0]!, ...SHARED_BLOCKS]) {
    for (const blocks of [0, 0.015, 0.03]) {
      const levels = { within: 0.01, starts: 0.03, blocks };
      const found = sameBuild(SHAPES[0]!, levels, { perBlock: layout.perBlock, repeats: 4 }, 36, pairs, seed);
      console.log(
        `  ${layout.name}, blocks ${percent(blocks)}: repeats of one start ${percent(found.repeats, 0)}; starts ${percent(found.starts, 0)}, p ${percent(found.size)}; with the pooled spread ${percent(found.pooled, 0)}, p ${percent(found.sizePooled)}`,
      );
      family.plain.push(found.starts);
      family.pooled.push(found.pooled);
      family.size.push(found.size);
      family.sizePooled.push(found.sizePooled);
    }
  }
  for (const [name, rates] of [
    ['starts', family.plain],
    ['starts with the pooled spread', family.pooled],
  ] as const) {
    figures.push({
      claim: `one build run twice, by ${name}: pairs of runs with a false find`,
      measured: `${percent(mean(rates))} (worst layout ${percent(Math.max(...rates), 0)})`,
      required: 'at most 5 %',
      holds: mean(rates) <= 0.05,
    });
  }
  for (const [name, sizes] of [
    ['starts', family.size],
    ['starts with the pooled spread', family.sizePooled],
  ] as const) {
    figures.push({
      claim: `single comparisons by ${name}: p below 0.05 without a difference`,
      measured: percent(mean(sizes)),
      required: 'at most 5 %',
      holds: mean(sizes) <= 0.05,
    });
  }

  console.log(
    '\nsmallest ratio that is found in 80 % of comparisons, starts 3 % apart, by detectable; how often it was',
  );
  const shares = OWN_BLOCKS.map(({ perBlock }) => {
    const { ratio, found } = power(
      perBlock.length,
      { within: 0.01, starts: 0.03, blocks: 0 },
      4 * rows,
      seed,
    );
    console.log(`  ${perBlock.length} starts: ${percent(ratio - 1)}, ${percent(found)}`);
    return found;
  });
  figures.push({
    claim: 'a difference of the size that detectable says is found',
    measured: `in ${percent(Math.min(...shares), 0)} to ${percent(Math.max(...shares), 0)}`,
    required: '75 to 88 % where 80 % is asked for',
    holds: shares.every((share) => share >= 0.75 && share <= 0.88),
  });
  return figures;
}

function stopping(): Figure[] {
  console.log(
    '\nintervals of rows that were stopped by their width, at most 8 starts, 3 % apart: at once; two starts later (anotherStart)',
  );
  const found = [0.05, 0.04, 0.03, 0.02].map((target) => {
    const each = (rule: 'at-once' | 'anotherStart') =>
      stopped(rule, target, 8, { within: 0.01, starts: 0.03, blocks: 0 }, 4 * rows, seed);
    const [early, late] = [each('at-once'), each('anotherStart')];
    console.log(
      `  target ${percent(target, 0)}: ${percent(early.held)} after ${early.starts.toFixed(1)} starts; ${percent(late.held)} after ${late.starts.toFixed(1)}`,
    );
    return late.held;
  });
  return [
    {
      claim: 'intervals of rows that anotherStart stopped hold the long-run centre',
      measured: `${percent(Math.min(...found))} to ${percent(Math.max(...found))}`,
      required: 'at least 93 %',
      holds: found.every((held) => held >= 0.93),
    },
  ];
}

const parts = { coverage: intervals, comparisons, stopping };
conclude(
  'statistics',
  Object.entries(parts).flatMap(([name, run]) => (part === undefined || part === name ? run() : [])),
);
