import { metricNamed } from '../../core/metrics/catalogue.js';
import { atLoad } from '../../report/recommend/at-load.js';
import { type Candidate, measured, type PriceList } from '../../report/recommend/candidate.js';
import type { Figure } from '../../report/recommend/figure.js';
import { type Aim, type Bound, readBound } from '../../report/recommend/question.js';
import { type Recommendation, recommend } from '../../report/recommend/recommend.js';
import { recommendationData, recommendationText } from '../../report/recommend/text.js';
import type { Report } from '../../report/report.js';
import { EXIT, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { readPrices } from '../prices/prices.js';
import type { RecommendOptions } from './command.js';
import { readSource } from './source.js';

/**
 * `ridge recommend`.
 * @returns 0; the code of gates where nothing keeps all bounds.
 */
export async function printRecommendation(source: string, options: RecommendOptions): Promise<number> {
  const prices = options.prices === undefined ? null : readPrices(options.prices);
  const candidates = await candidatesOf(source, options, prices);
  const found = answer(candidates, options);
  const text = recommendationText(found, prices?.currency ?? null);
  const json = options.json === true || options.format === 'json';
  const { recommended } = found;
  if (options.as === undefined || recommended === null) {
    if (json) printJson(recommendationData(found));
    else printData(text);
    if (options.as !== undefined) say(`nothing is deployed: no row keeps all bounds`);
    return recommended === null ? EXIT.gate : EXIT.ok;
  }
  const { deploymentText } = await import('./deploy/deployment.js');
  const { text: deployed, notes } = deploymentText(recommended, options.as, options);
  if (json)
    printJson({ ...recommendationData(found), deployment: { as: options.as, text: deployed, notes } });
  else {
    say(text);
    printData(deployed);
  }
  for (const note of notes) say(note);
  return EXIT.ok;
}

async function candidatesOf(
  source: string,
  options: RecommendOptions,
  prices: PriceList | null,
): Promise<readonly Candidate[]> {
  if (options.predict === true) {
    const { predictedCandidates } = await import('./predictions.js');
    return atWantedLoad(await predictedCandidates(source, options), options);
  }
  const report: Report = await readSource(source, options, options.strict === true ? 'strict' : undefined);
  if (report.rows.length === 0) throw usageError(`${source} has no rows`, 'Has anything of it run?');
  return atWantedLoad(
    report.rows.map((row) => measured(row, prices)),
    options,
  );
}

/** @throws CommandError (2) for a load that no row has. */
function atWantedLoad(candidates: readonly Candidate[], { load }: RecommendOptions): readonly Candidate[] {
  if (load === undefined) return candidates;
  const missing = [...load.keys()].find((name) => candidates.every(({ axes }) => !(name in axes)));
  if (missing !== undefined)
    throw usageError(
      `no row has ${missing}`,
      'Name an option of the workload: concurrency, requestRate, inputTokens, …',
    );
  return atLoad(candidates, load);
}

/** What the command line asks, with what it leaves open taken from the rows. */
export function answer(
  candidates: readonly Candidate[],
  options: Pick<RecommendOptions, 'slo' | 'budget' | 'floor' | 'objective' | 'relativeTo' | 'confidence'>,
): Recommendation {
  const slo = options.slo.length > 0 ? options.slo : sloOf(candidates);
  return recommend(candidates, {
    bounds: [...slo, ...options.budget, ...options.floor],
    aim: options.objective ?? usualAim(candidates),
    reference: options.relativeTo,
    confidence: options.confidence,
  });
}

/** The objectives of the workload, where all rows have the same. */
function sloOf(candidates: readonly Candidate[]): Bound[] {
  const [slo, ...others] = new Set(
    candidates.map(({ experiment }) => experiment.workload.options.slo ?? null),
  );
  if (typeof slo !== 'string' || others.length > 0) return [];
  return slo.split(',').flatMap((text) => {
    const reading = readBound(text, 'slo');
    return reading.ok ? [reading.value] : [];
  });
}

/** Throughput, by what a workload has. */
const THROUGHPUTS = [
  'systemTokensPerSecond',
  'decodeTokensPerSecond',
  'trainTokensPerSecond',
  'applicationsPerSecond',
  'itemsPerSecond',
  'achievedFlopsPerSecond',
] as const;

function usualAim(candidates: readonly Candidate[]): Aim {
  const aims = THROUGHPUTS.map(
    (name): Aim => ({ quantity: { kind: 'metric', metric: metricNamed(name)! }, better: 'max' }),
  );
  const isKnown = ({ value, asMeasured }: Figure) => value !== null || asMeasured !== undefined;
  return aims.find(({ quantity }) => candidates.some((one) => isKnown(one.figure(quantity)))) ?? aims[0]!;
}
