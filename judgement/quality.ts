import type { Reading } from '../core/metrics/integrate.js';
import { mainScore } from '../core/quality/main-score.js';
import type { Estimate } from '../core/quality/perplexity.js';
import type { QualityRecord } from '../core/quality/record.js';
import type { TrialFacts } from '../core/result/result.js';
import { mean as average } from '../statistics/summary.js';
import { type Entry, missing, single } from './entries.js';
import type { Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

const NO_BASE = 'the model was not compared with its base';

/** The part of a trial that has its answers. */
export type Answers = Pick<TrialFacts, 'quality' | 'absent'>;

const unaskedText = ({ task, reason }: NonNullable<QualityRecord['unanswered']>[number]) =>
  `${task} could not be asked: ${reason}`;

interface QualityFindings extends Findings {
  readonly entries: Findings['entries'] & Readonly<Record<'perplexityRatio' | 'taskRetentionRatio', Entry>>;
}

/** Quality of the model's answers, from what was measured after the timed part. */
export function qualityFindings({ quality, absent }: Answers): QualityFindings {
  const why = quality === null ? (absent.quality ?? NOT_APPLICABLE.quality) : null;
  const text = quality?.text ?? null;
  const against = text?.againstBase ?? null;
  const noText = why ?? NOT_APPLICABLE.text;
  const noBase = why ?? (text === null ? NOT_APPLICABLE.text : NO_BASE);
  const tasks = byTask(quality?.tasks ?? [], ({ score }) => score);
  const retained = byTask(quality?.tasks ?? [], ({ retentionPercent }) => retentionPercent);
  const unasked = quality?.unanswered?.find(({ task }) => task !== null);
  const noTask = why ?? (unasked === undefined ? NOT_APPLICABLE.tasks : unaskedText(unasked));
  const entries = {
    perplexity: estimated(text?.perplexity ?? null, noText),
    perplexityRatio: estimated(against?.perplexityRatio ?? null, noBase),
    klDivergenceNats: estimated(against?.kl.mean ?? null, noBase),
    klDivergenceP99Nats: single(against?.kl.p99 ?? null, noBase),
    topAgreementRatio: estimated(against?.sameTop ?? null, noBase),
    taskScoreRatio: estimated(mean(tasks), noTask),
    taskRetentionRatio: estimated(mean(retained.map(percentAsRatio)), tasks.length === 0 ? noTask : NO_BASE),
    qualitySeconds: single(quality?.seconds ?? null, why ?? NOT_APPLICABLE.quality),
  };
  return { entries, warnings: [] };
}

/**
 * How much of the base's performance is left, 1 = all: by its task scores, or else by its likelihood (base
 * PPL over PPL).
 */
export function performanceRatio(answers: Answers): Reading {
  const { taskRetentionRatio: tasks, perplexityRatio: text } = qualityFindings(answers).entries;
  if (tasks.value !== null) return { value: tasks.value, gapSeconds: null };
  if (text.value !== null) return { value: 1 / text.value, gapSeconds: null };
  // The reason is that of the measure that the sweep asked for.
  return { value: null, reason: tasks.reason === NOT_APPLICABLE.tasks ? text.reason : tasks.reason };
}

const percentAsRatio = ({ value, standardError }: Estimate): Estimate => ({
  value: value / 100,
  standardError: standardError === null ? null : standardError / 100,
});

type AskedTask = QualityRecord['tasks'][number];

/**
 * @returns an estimate for each task: the mean over all ways in which it was asked. Without this mean, a task
 *   that is asked in forty ways would count forty times.
 */
function byTask(
  tasks: readonly AskedTask[],
  pick: (score: AskedTask['scores'][number]) => Estimate | null,
): Estimate[] {
  const ways = new Map<string, Estimate[]>();
  for (const one of tasks) {
    const score = mainScore(one);
    const estimate = score === null ? null : pick(score);
    const task = one.task ?? one.name;
    if (estimate !== null) ways.set(task, [...(ways.get(task) ?? []), estimate]);
  }
  return [...ways.values()].map(overWays);
}

/**
 * The mean of estimates from the same items. Its error is at most the mean of their errors, and equal to it
 * if their errors are fully correlated.
 */
function overWays(estimates: readonly Estimate[]): Estimate {
  const errors = estimates.flatMap(({ standardError }) => standardError ?? []);
  return {
    value: average(estimates.map(({ value }) => value)),
    standardError: errors.length === estimates.length ? average(errors) : null,
  };
}

/** The mean of independent estimates; null if there are none. */
function mean(estimates: readonly Estimate[]): Estimate | null {
  const n = estimates.length;
  if (n === 0) return null;
  const errors = estimates.map(({ standardError }) => standardError);
  const known = errors.every((error) => error !== null);
  return {
    value: estimates.reduce((sum, { value }) => sum + value, 0) / n,
    standardError: known ? Math.sqrt(errors.reduce((sum, error) => sum + error! ** 2, 0)) / n : null,
  };
}

/** z of a 95 % interval of a normal distribution. */
const Z95 = 1.959964;

function estimated(estimate: Estimate | null, whyMissing: string): Entry {
  if (estimate === null) return missing(whyMissing);
  const entry = single(estimate.value, whyMissing, 'estimate');
  const { standardError } = estimate;
  if (entry.value === null || standardError === null) return entry;
  const half = Z95 * standardError;
  return { ...entry, ci95: [entry.value - half, entry.value + half] };
}
