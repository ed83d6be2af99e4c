import {
  bitsPerWeight,
  compressionRatio,
  timePerOutputToken,
  tokensPerSecond,
} from '../core/metrics/derive.js';
import { type Warning, warn, warnIf } from '../core/result/warnings.js';
import { quantile } from '../statistics/quantile.js';
import { cv, mean } from '../statistics/summary.js';
import { mannKendall } from '../statistics/trend.js';
import { perRepeat, pooled, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

const NO_FACT = 'the engine does not report it';

/** Standard error of the median of normal values over that of their mean: √(π / 2). */
const MEDIAN_ERROR = Math.sqrt(Math.PI / 2);

/**
 * The chance of reporting a trend that is none, for each metric and start. It makes some 5 % for a sweep of
 * 25 starts with two metrics.
 */
export const TREND_ALPHA = 0.001;

/** Rates, latencies and sizes, and the warnings that repeats raise by themselves. */
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
  const itl = (p: number) => pooled(gaps, p, 'no decode step was timed');
  return {
    entries: {
      prefillTokensPerSecond: perRepeat(prefillRates, NOT_APPLICABLE.prefill),
      decodeTokensPerSecond: perRepeat(decodeRates, NOT_APPLICABLE.decode),
      timeToFirstTokenSeconds: perRepeat(
        prefills.map((p) => p.seconds),
        NOT_APPLICABLE.prefill,
      ),
      timePerOutputTokenSeconds: perRepeat(
        decodes.filter((d) => stepsOf(d.index) > 0).map((d) => timePerOutputToken(d.part, stepsOf(d.index))),
        NOT_APPLICABLE.decode,
      ),
      interTokenLatencyP10Seconds: single(
        uninterrupted(decodes.map((d) => input.tokenSeconds[d.index] ?? [])),
        'no decode step was timed',
      ),
      interTokenLatencyP50Seconds: itl(0.5),
      interTokenLatencyP90Seconds: itl(0.9),
      interTokenLatencyP95Seconds: itl(0.95),
      interTokenLatencyP99Seconds: itl(0.99),
      loadSeconds: single(load ? load.endSeconds - load.startSeconds : null, 'loading was not timed'),
      modelBytes: single(modelBytes, NO_FACT),
      kvCacheBytes: single(kvCacheBytes, NO_FACT),
      bitsPerWeight: single(
        modelBytes !== null && parameters !== null ? bitsPerWeight(modelBytes, parameters) : null,
        NO_FACT,
      ),
      compressionRatio: single(
        modelBytes !== null && input.given.baseBytes !== null
          ? compressionRatio(input.given.baseBytes, modelBytes)
          : null,
        input.given.baseBytes === null ? 'the weight bytes of the base file are not known' : NO_FACT,
      ),
    },
    warnings: [
      ...settingWarnings(evidence),
      ...sampleWarnings(evidence, 'prefill t/s', prefillRates),
      ...sampleWarnings(evidence, 'decode t/s', decodeRates),
      ...sampleWarnings(evidence, 'training steps per second', trainRates),
    ],
  };
}

/**
 * How many gaps make one quantile. The context makes each token slower than the one before; over so few
 * tokens it hardly grows.
 */
const IN_A_ROW = 16;

/**
 * @returns the geometric mean of the tenth percentiles of gaps in a row; null without any gap.
 * @param repeats gaps of each repeat.
 */
function uninterrupted(repeats: readonly (readonly number[])[]): number | null {
  const lows = repeats.flatMap((gaps) => {
    const rows = Math.ceil(gaps.length / IN_A_ROW);
    const firstGapOf = (row: number) => Math.round((row * gaps.length) / rows);
    return Array.from({ length: rows }, (_, row) =>
      quantile(gaps.slice(firstGapOf(row), firstGapOf(row + 1)), 0.1),
    );
  });
  const timed = lows.filter((seconds) => seconds > 0);
  return timed.length === 0 ? null : Math.exp(mean(timed.map(Math.log)));
}

const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;

/** Was more asked for than the machine has? */
function settingWarnings({ input }: Evidence): Warning[] {
  const { threads } = input.experiment.runner.options;
  if (typeof threads !== 'number' || threads <= input.given.cores) return [];
  return [warn('oversubscribed', `${threads} threads were asked for on ${input.given.cores} CPUs`)];
}

/**
 * Do the repeats describe one machine in one state?
 *
 * Their median counts. Single repeats that stand out do not move it, and further starts say how far it may be
 * off. So a warning is given only for what moves the median itself: a spread that leaves it uncertain by more
 * than the policy allows, and a trend that is larger than the half width that was asked for.
 */
function sampleWarnings({ input }: Evidence, label: string, samples: readonly number[]): Warning[] {
  const { maxSpread, halfWidth } = input.experiment.measure;
  const spread = cv(samples) ?? 0;
  const error = spread === 0 ? 0 : (MEDIAN_ERROR * spread) / Math.sqrt(samples.length);
  const trend = mannKendall(samples);
  const [p, change] = [trend?.p ?? 1, trend?.relativeChange ?? 0];
  return [
    ...warnIf(
      error > maxSpread,
      'high-spread',
      `${label} vary by ${percent(spread)} (cv) over ${samples.length} repeats, which leaves their median uncertain by ${percent(error)}; the policy allows ${percent(maxSpread)}`,
    ),
    ...warnIf(
      p < TREND_ALPHA && Math.abs(change) > halfWidth,
      'drift-trend',
      `${label} ${change > 0 ? 'rise' : 'fall'} by ${percent(Math.abs(change))} over ${samples.length} repeats (Mann–Kendall p = ${p.toPrecision(1)})`,
    ),
  ];
}
