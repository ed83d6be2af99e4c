/**
 * bench:reproduce: does a second run say what the first one said? The quickstart many times on one machine with nothing changed; then
 * again while a second process burns one CPU at random moments. Claims: `ridge compare` of all pairs of runs calls a row different in
 * at most 5 % of pairs after correction; 95 % intervals hold the grand median of their row in 93 to 97 % of rows. Beside it, on the
 * very same data: the reading of llama-bench's `mean ± standard deviation`, and intervals of the repeats of one start taken as independent.
 *
 *   npm run bench -- reproduce [--runs=20] [--burnt=10] [--out=FOLDER] [--sweep=FILE]
 *
 * Runs that FOLDER holds already are read and not run again, so that an interrupted bench goes on, and recorded runs are judged anew
 * (--runs= as many as there are, --burnt=0).
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import {
  type Coverage,
  comparedAsNow,
  comparedByBars,
  coverageNow,
  coverageOfBars,
  coverageOfRepeats,
  type PairCounts,
  type RatioErrors,
  ratioErrors,
} from './reproduce/analysis.js';
import { burnAtRandom, type Run, runAgain } from './reproduce/runs.js';

const argument = (name: string, fallback: string): string =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const say = (line: string): void => void process.stderr.write(`reproduce: ${line}\n`);
const sweep = argument('sweep', join(ROOT, 'docs/examples/quickstart.yaml'));
const out = argument('out', mkdtempSync(join(tmpdir(), 'ridgepoint-reproduce-')));
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const pairsText = ({ pairs, withFind, comparisons, different }: PairCounts) =>
  `${withFind} of ${pairs} pairs (${percent(withFind / pairs)}), ${different} of ${comparisons} comparisons (${percent(different / comparisons)})`;
const coverText = ({ intervals, held, halfWidth }: Coverage) =>
  `${percent(held / intervals)} of ${intervals} intervals, half width ± ${percent(halfWidth)}`;

const errorText = ({ ratios, error, held }: RatioErrors) =>
  `${percent(held / ratios)} of ${ratios} intervals, error ${percent(error)}`;

function figures(runs: readonly Run[], how: string): Figure[] {
  if (runs.length < 2) return [];
  const rows = runs.reduce((sum, { report }) => sum + report.counts.experiments, 0);
  const valid = runs.reduce((sum, { report }) => sum + report.counts.valid, 0);
  console.log(`\n${how}: ${runs.length} runs, ${valid} of ${rows} rows valid`);
  const [now, covered, errors] = [comparedAsNow(runs), coverageNow(runs), ratioErrors(runs)];
  console.log(`  a row called different: ${pairsText(now)}`);
  console.log(`    by llama-bench's mean ± standard deviation: ${pairsText(comparedByBars(runs))}`);
  console.log(`  ratios of two runs hold 1: ${errorText(errors)}`);
  console.log(`  the grand median held: ${coverText(covered)}`);
  console.log(`    by repeats of one start as independent: ${coverText(coverageOfRepeats(runs))}`);
  console.log(`    by llama-bench's mean ± standard deviation: ${coverText(coverageOfBars(runs))}`);
  const share = covered.held / covered.intervals;
  return [
    {
      claim: `one build compared with itself, ${how}: pairs of runs with a row called different`,
      measured: pairsText(now),
      required: 'at most 5 % of pairs',
      holds: now.withFind <= 0.05 * now.pairs,
    },
    {
      claim: `95 % intervals of ratios of two runs hold 1, ${how}`,
      measured: errorText(errors),
      required: '93 to 97 %',
      holds: errors.held >= 0.93 * errors.ratios && errors.held <= 0.97 * errors.ratios,
    },
    {
      claim: `95 % intervals hold the grand median, ${how}`,
      measured: coverText(covered),
      required: '93 to 97 %',
      holds: share >= 0.93 && share <= 0.97,
    },
  ];
}

const plain = runAgain(sweep, join(out, 'plain'), Number(argument('runs', '20')), say);
const found = figures(plain, 'nothing else running');
const burnt = Number(argument('burnt', '10'));
const burner = burnt > 0 ? burnAtRandom(1) : null;
try {
  const disturbed = runAgain(sweep, join(out, 'burnt'), burnt, say);
  found.push(...figures(disturbed, 'a process burning one CPU at random'));
} finally {
  burner?.kill('SIGKILL');
}
say(`the records are in ${out}`);
conclude('reproduce', found);
