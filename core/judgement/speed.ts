import { bitsPerWeight, compressionRatio, timePerOutputToken, tokensPerSecond } from '../metrics/derive.js';
import { type Warning, warn } from '../result/warnings.js';
import { outlierIndices } from '../statistics/outliers.js';
import { median } from '../statistics/quantile.js';
import { cv } from '../statistics/summary.js';
import { mannKendall } from '../statistics/trend.js';
import { perRepeat, pooled, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

const NO_FACT = 'the engine does not report it';

/** Chance of calling a trend that is none, per metric. */
const TREND_ALPHA = 0.05;

/** Rates, latencies and sizes, and the doubts that repeats raise by themselves. */
export function speedFindings(evidence: Evidence): Findings {
  const { input, repeats } = evidence;
  const prefills = repeats.flatMap((r) => (r.prefill === null ? [] : [r.prefill]));
  const decodes = repeats.flatMap((r) => (r.decode === null ? [] : [{ part: r.decode, index: r.index }]));
  const stepsOf = (repeat: number) => input.tokenSeconds[repeat]?.length ?? 0;
  const prefillRates = prefills.filter((p) => p.tokens > 0).map(tokensPerSecond);
  const decodeRates = decodes.filter((d) => d.part.tokens > 0).map((d) => tokensPerSecond(d.part));
  const trainRates = repeats.flatMap(({ train }) => (train === null ? [] : [1 / train.seconds]));
  const gaps = decodes.flatMap((d) => [...(input.tokenSeconds[d.index] ?? [])]);
  const load = input.phases.find((p) => p.name === 'load');
  const { modelBytes, parameters, kvCacheBytes } = input.given;
  const itl = (p: number) => pooled(gaps, p, 's', 'no decode step was timed');
  return {
    entries: {
      prefillTokensPerSecond: perRepeat(prefillRates, 'tokens/s', NOT_APPLICABLE.prefill),
      decodeTokensPerSecond: perRepeat(decodeRates, 'tokens/s', NOT_APPLICABLE.decode),
      timeToFirstTokenSeconds: perRepeat(
        prefills.map((p) => p.seconds),
        's',
        NOT_APPLICABLE.prefill,
      ),
      timePerOutputTokenSeconds: perRepeat(
        decodes.filter((d) => stepsOf(d.index) > 0).map((d) => timePerOutputToken(d.part, stepsOf(d.index))),
        's',
        NOT_APPLICABLE.decode,
      ),
      interTokenLatencyP50Seconds: itl(0.5),
      interTokenLatencyP90Seconds: itl(0.9),
      interTokenLatencyP95Seconds: itl(0.95),
      interTokenLatencyP99Seconds: itl(0.99),
      loadSeconds: single(load ? load.endSeconds - load.startSeconds : null, 's', 'loading was not timed'),
      modelBytes: single(modelBytes, 'B', NO_FACT),
      kvCacheBytes: single(kvCacheBytes, 'B', NO_FACT),
      bitsPerWeight: single(
        modelBytes !== null && parameters !== null ? bitsPerWeight(modelBytes, parameters) : null,
        'ratio',
        NO_FACT,
      ),
      compressionRatio: single(
        modelBytes !== null && input.given.baseBytes !== null
          ? compressionRatio(input.given.baseBytes, modelBytes)
          : null,
        'ratio',
        input.given.baseBytes === null ? 'the weight bytes of the base file are not known' : NO_FACT,
      ),
    },
    warnings: [
      ...repeatingDoubts(evidence),
      ...sampleDoubts(evidence, 'prefill t/s', prefillRates),
      ...sampleDoubts(evidence, 'decode t/s', decodeRates),
      ...sampleDoubts(evidence, 'training steps per second', trainRates),
    ],
  };
}

/** What ended a trial whose interval is still wide. */
const ENDS = {
  'interval-narrow': 'maxRepeats',
  'max-repeats': 'maxRepeats',
  'time-budget': 'the time budget',
  'steps-done': 'the last step',
} as const;

const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;

/** Did the trial do as much as the policy asked? */
function repeatingDoubts({ input, outcome }: Evidence): Warning[] {
  const { measure, runner } = input.experiment;
  const found: Warning[] = [];
  if (!outcome.warmupSettled && measure.maxWarmups > 0) {
    found.push(
      warn(
        'warmup-unsettled',
        `the warm-up ended after ${outcome.warmups} rounds with a spread still above ${percent(measure.warmupSpread)}`,
      ),
    );
  }
  if (outcome.repeats < 3) {
    found.push(warn('few-repeats', `only ${outcome.repeats} repeats: spread and interval say little`));
  }
  if (outcome.halfWidth !== null && outcome.halfWidth > measure.halfWidth) {
    const end = ENDS[outcome.stop];
    found.push(
      warn(
        'interval-wide',
        `${end} ended the trial after ${outcome.repeats} repeats with a half width of ${percent(outcome.halfWidth)}; ${percent(measure.halfWidth)} was asked for`,
      ),
    );
  }
  const threads = runner.options.threads;
  if (typeof threads === 'number' && threads > input.given.cores) {
    found.push(warn('oversubscribed', `${threads} threads were asked for on ${input.given.cores} CPUs`));
  }
  return found;
}

/**
 * Do the repeats agree with each other? Outliers and trends are told only when they move a repeat by more
 * than the half width that was asked for: a machine calm to 0.01 % always has a repeat that stands out.
 */
function sampleDoubts({ input }: Evidence, label: string, samples: readonly number[]): Warning[] {
  const { maxSpread, halfWidth } = input.experiment.measure;
  const found: Warning[] = [];
  const spread = cv(samples);
  if (spread !== null && spread > maxSpread) {
    found.push(
      warn(
        'high-spread',
        `${label} vary by ${percent(spread)} (cv) over ${samples.length} repeats; the policy allows ${percent(maxSpread)}`,
      ),
    );
  }
  const centre = median(samples);
  const far = outlierIndices(samples).filter((i) => Math.abs(samples[i]! / centre - 1) > halfWidth);
  if (far.length > 0) {
    const which = far.map((i) => `${i} (${percent(samples[i]! / centre - 1)})`).join(', ');
    found.push(warn('outliers', `${label}: far from the median in repeat ${which}`));
  }
  const trend = mannKendall(samples);
  const change = trend?.relativeChange ?? 0;
  if (trend !== null && trend.p < TREND_ALPHA && Math.abs(change) > halfWidth) {
    found.push(
      warn(
        'drift-trend',
        `${label} ${change > 0 ? 'rise' : 'fall'} by ${percent(Math.abs(change))} over ${samples.length} repeats (Mann–Kendall p = ${trend.p.toFixed(3)})`,
      ),
    );
  }
  return found;
}
