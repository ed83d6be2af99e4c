import { metricNamed } from '../core/metrics/catalogue.js';
import { isPresent, type Measurement, type Missing, type ResultRecord } from '../core/result/result.js';
import type { Warning } from '../core/result/warnings.js';
import { tInterval } from '../statistics/interval.js';
import { intervalOf } from '../statistics/joint-compare.js';
import type { Estimate } from '../statistics/row-estimate.js';
import { summarize } from '../statistics/summary.js';
import { Commons, RowEstimates } from './estimates.js';
import { isPaced, PACED_METRICS, paceOf } from './pace.js';
import { qualityFindings } from './quality.js';

/**
 * The trials that make up a row: all complete trials without a fault, of the engine that ran last. If every
 * trial has a fault, all of them are used, and the row is invalid. An experiment that never completed has
 * none.
 * @param records of one experiment, in the order of the log.
 */
export function startsOf(records: readonly ResultRecord[]): ResultRecord[] {
  return countedOf(standing(records), 'measure');
}

/** @returns the records that no other one of them supersedes. */
export function standing<T extends Pick<ResultRecord, 'trialId' | 'supersedes'>>(
  records: readonly T[],
): readonly T[] {
  const gone = new Set(records.flatMap(({ supersedes }) => supersedes ?? []));
  return gone.size === 0 ? records : records.filter(({ trialId }) => !gone.has(trialId));
}

/**
 * @returns the start whose answers a row shows. An experiment is asked once, by its first start, and again
 *   only when its questions have changed.
 */
export function answeringStart(starts: readonly ResultRecord[]): ResultRecord {
  return starts.findLast(({ supersedes }) => supersedes !== undefined) ?? starts[0]!;
}

/**
 * The runs of the drift control that tell how the machine changed, chosen by the same rule.
 * @param records in the order of the log.
 */
export function controlsOf(records: readonly ResultRecord[]): ResultRecord[] {
  return countedOf(records, 'control');
}

function countedOf(records: readonly ResultRecord[], purpose: ResultRecord['sweep']['purpose']) {
  const complete = ofNewestEngine(
    records.filter((r) => r.status === 'complete' && r.sweep.purpose === purpose),
  );
  const valid = complete.filter((r) => r.valid);
  return valid.length > 0 ? valid : complete;
}

/** The records of the engine that ran last, because a mixture of two engines would describe neither. */
function ofNewestEngine(records: readonly ResultRecord[]): ResultRecord[] {
  const release = records.at(-1)?.environment.engine;
  const released = records.filter(({ environment }) => environment.engine === release);
  return ofNewestBuild(released, ({ environment }) => environment.engineBuild);
}

/**
 * Among trials of one release, those of the build that ran last, because a rebuilt engine is another engine.
 * A trial whose build is unknown counts as one of that build.
 * @param trials in the order of the log.
 */
export function ofNewestBuild<T>(trials: readonly T[], buildOf: (trial: T) => unknown): T[] {
  const newest = trials.findLast((trial) => buildOf(trial) != null);
  const build = newest === undefined ? null : buildOf(newest);
  return trials.filter((trial) => (buildOf(trial) ?? build) === build);
}

/**
 * All starts of one experiment as one record: the first start, with the estimate and interval of all starts
 * in place of its own measurements (statistics/joint-fit.ts).
 * @param starts of one experiment, at least one.
 * @param commons what all rows of the report have in common; without it the row is estimated by itself.
 */
export function combineStarts(
  starts: readonly ResultRecord[],
  commons: Commons = new Commons([starts]),
): ResultRecord {
  const first = starts[0]!;
  if (first.status !== 'complete') return first;
  const row = new RowEstimates(starts, commons);
  if (starts.length === 1) {
    // With tens of thousands of rows of one start each, looking at every metric would take too long, so only
    // metrics that a single start can estimate are looked at.
    const measurements = { ...first.measurements };
    for (const name of PACED_METRICS)
      if (name in measurements) measurements[name] = measurementOfStart(first, row, name);
    return { ...first, measurements };
  }
  const measurements: ResultRecord['measurements'] = {};
  for (const { measurements: of } of starts) {
    for (const name in of) measurements[name] ??= measurementOfStarts(starts, row, name);
  }
  const answering = answeringStart(starts);
  for (const name of OF_ANSWERS) {
    const entry = answering.measurements[name];
    if (entry !== undefined) measurements[name] = entry;
  }
  return { ...first, quality: answering.quality, measurements, warnings: warningsOf(starts) };
}

/** Metrics of what models answered. */
const OF_ANSWERS = Object.keys(qualityFindings({ quality: null, absent: {} }).entries);

/** @returns one metric of `combineStarts`; undefined = no start has it. */
export function combinedEntry(
  starts: readonly ResultRecord[],
  name: string,
  commons: Commons = new Commons([starts]),
): Measurement | Missing | undefined {
  const first = starts[0]!;
  const isThere = starts.some(({ measurements }) => name in measurements);
  if (first.status !== 'complete' || !isThere) return first.measurements[name];
  const row = new RowEstimates(starts, commons);
  if (starts.length > 1) return measurementOfStarts(starts, row, name);
  return isPaced(name) ? measurementOfStart(first, row, name) : first.measurements[name];
}

/** One metric of a start that stands alone, as its row has it. */
function measurementOfStart(
  { measurements }: ResultRecord,
  row: RowEstimates,
  name: string,
): Measurement | Missing {
  const entry = measurements[name]!;
  return isPresent(entry) && entry.ci95 === null ? (estimatedBy(row, name, entry) ?? entry) : entry;
}

/** One metric of several starts; `samples` has one number per start. */
function measurementOfStarts(
  starts: readonly ResultRecord[],
  row: RowEstimates,
  name: string,
): Measurement | Missing {
  const given = starts.flatMap(({ measurements: { [name]: entry } }) => (isPresent(entry) ? [entry] : []));
  const [entry] = given;
  if (entry === undefined) return starts[0]!.measurements[name]!;
  const { pace } = paceOf(name);
  const same = given.every(({ value }) => value === entry.value);
  // Some metrics keep the value of the first start. The error of a quality metric comes from its text, the
  // bytes of a file are the same at each start, and for metrics that nobody has studied one row does not tell
  // how starts differ.
  if (entry.ci95 !== null || (pace === 'plain' && same)) return entry;
  const values = given.map(({ value }) => value);
  const { n, mean: average, median, stddev, cv } = summarize(values)!;
  const all =
    given.length === 1 ? entry : { ...entry, n, mean: average, median, stddev, cv, samples: values };
  // A metric that only describes the machine is averaged; one that may be zero or negative has no logarithm.
  const describes = pace === 'plain' && metricNamed(name)?.better === null;
  const estimated = describes ? null : estimatedBy(row, name, all);
  if (estimated !== null) return estimated;
  const interval = tInterval(values, 0.95);
  return { ...all, value: average, ci95: interval === null ? null : [...interval] };
}

/**
 * An estimate that is further than this from every start, as a logarithm, depends more on the adjustment than
 * on the row. An interval that is wider than this on each side has almost no information.
 */
const MOST_BEYOND = Math.log(1.25);
const WIDEST = Math.log(2);

/**
 * Whether a row's starts ran under conditions so unlike those of the other rows that the adjusted number must
 * not be shown.
 */
function isUnlike({ thisRun, range: [lowest, highest] }: Estimate): boolean {
  const { centre } = thisRun;
  const isBeyond = centre < lowest - MOST_BEYOND || centre > highest + MOST_BEYOND;
  return isBeyond || Math.log(intervalOf(thisRun)[1]) - centre > WIDEST;
}

/** @returns an entry with the estimate of its row, or null where there is none. */
function estimatedBy(row: RowEstimates, name: string, entry: Measurement): Measurement | null {
  const estimate = row.estimateOf(name);
  if (estimate === null) return null;
  const { pace, offset } = paceOf(name);
  const adjusted = pace !== 'plain' && row.read;
  const level = adjusted ? estimate.thisRun : estimate;
  const inUnit = (log: number) => Math.exp(log) - offset;
  const [low, high] = intervalOf(level);
  // The object is written key by key, because with tens of thousands of rows copies that are changed
  // afterwards would take most of the time.
  const { unit, n, mean: average, median, stddev, cv, samples, source } = entry;
  // A single start without an adjustment keeps its number to the last digit.
  const asMeasured = estimate.starts === 1 ? entry.value : inUnit(estimate.asMeasured);
  const asItIs = estimate.starts === 1 && level.centre === estimate.asMeasured;
  const own: Measurement = {
    value: asItIs ? entry.value : inUnit(level.centre),
    unit,
    n,
    mean: average,
    median,
    stddev,
    cv,
    ci95: [low - offset, high - offset],
    samples,
    source,
  };
  if (!adjusted) return own;
  const [calmLow, calmHigh] = intervalOf(estimate);
  own.asMeasured = asMeasured;
  own.adjustedBy = Math.exp(level.centre - estimate.asMeasured);
  own.calm = { value: inUnit(estimate.centre), ci95: [calmLow - offset, calmHigh - offset] };
  if (!isUnlike(estimate)) return own;
  own.value = asMeasured;
  own.ci95 = null;
  own.adjustedBy = 1;
  own.range = [inUnit(estimate.range[0]), inUnit(estimate.range[1])];
  return own;
}

/** Each code once, with how many of the starts carry it. */
function warningsOf(starts: readonly ResultRecord[]): Warning[] {
  const all = new Map<string, { readonly first: Warning; starts: number }>();
  for (const { warnings } of starts) {
    for (const code of new Set(warnings.map((w) => w.code))) {
      const known = all.get(code);
      if (known !== undefined) known.starts += 1;
      else all.set(code, { first: warnings.find((w) => w.code === code)!, starts: 1 });
    }
  }
  return [...all.values()].map(({ first, starts: n }) =>
    n === starts.length ? first : { ...first, message: `${first.message} (${n} of ${starts.length} starts)` },
  );
}
