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

/** Ratio of the standard error of the median of normal values to that of their mean: √(π / 2). */
const MEDIAN_ERROR = Math.sqrt(Math.PI / 2);

/**
 * The probability of reporting a trend although there is none, for each metric and start. That adds up to
 * some 5 % for a sweep of 25 starts with two metrics.
 */
const TREND_ALPHA = 0.001;

/** Rates, latencies and sizes, and the warnings that follow from the repeats alone. */
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
 * Number of consecutive gaps for one quantile. As the context grows, each token is slower than the one
 * before, but over so few tokens hardly.
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

/** Warns if the sweep asked for more than the machine has. */
function settingWarnings({ input }: Evidence): Warning[] {
  const { threads } = input.experiment.runner.options;
  if (typeof threads !== 'number' || threads <= input.given.cores) return [];
  return [warn('oversubscribed', `${threads} threads were asked for on ${input.given.cores} CPUs`)];
}

/**
 * Warns if the repeats do not describe one machine in one state. Their median is the start's number. Single
 * outliers do not change it, and further starts show how uncertain it is. So there is a warning only for what
 * affects the median itself: a spread that makes it more uncertain than the policy allows, and a trend that
 * is larger than the requested half width.
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
