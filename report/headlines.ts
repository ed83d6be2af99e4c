import { SETTLING_METRICS } from '../core/metrics/settling.js';
import type { ResultRecord } from '../core/result/result.js';
import { gradingCodesOf } from '../core/result/warnings.js';
import type { Objective } from '../core/sweep/spec.js';
import type { Drift } from '../judgement/drift.js';
import { asMeasuredLines } from './as-measured.js';
import { changeSentences, DRIFT_METRICS, driftCharts } from './drift/charts.js';
import { levelLines, type SharedLevel } from './levels.js';
import { quotedOf } from './quoted.js';
import type { Row } from './rows.js';
import { halfOf } from './scale.js';

export interface HeadlineFacts {
  readonly rows: readonly Row[];
  /**
   * Starts that the sweep asks of each row, and those that it spends at most where intervals are wide; null =
   * not known.
   */
  readonly starts: number | null;
  readonly maxStarts: number | null;
  readonly drift: Drift | null;
  /** By which rows are judged; left out = by none. */
  readonly objectives?: readonly Objective[];
  /** What neighbours took of all rows; left out = nothing was read of them. */
  readonly levels?: readonly SharedLevel[];
  /** Runs of the drift control; left out = none. */
  readonly controls?: readonly ResultRecord[];
}

/** @returns what is to be known of a sweep as a whole before a number is quoted, one sentence each. */
export function headlinesOf({
  rows,
  starts,
  maxStarts,
  drift,
  objectives = [],
  levels = [],
  controls = [],
}: HeadlineFacts): string[] {
  return [
    ...levelLines(levels),
    ...asMeasuredLines(rows, objectives),
    ...controlLines(controls),
    ...(drift === null ? [] : [driftLine(drift)]),
    ...singleLine(rows, starts),
    ...shortLine(rows, starts),
    ...engineLine(rows),
    ...(starts !== null && maxStarts !== null && maxStarts > starts ? wideLine(rows, maxStarts) : []),
  ];
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

/** The drift control is the same experiment between all blocks: each run of it is a point of its own. */
function controlLines(controls: readonly ResultRecord[]): string[] {
  const request = { metrics: DRIFT_METRICS, sittingSeconds: 0, labelOf: () => 'the drift control' };
  return changeSentences(driftCharts(controls, request).filter(({ experimentId }) => experimentId !== null));
}

function driftLine({ node, label, block, blocks, ratio, p }: Drift): string {
  const change = ratio > 1 ? `${percent(ratio - 1)} faster` : `${percent(1 - ratio)} slower`;
  const chance = p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
  return (
    `${node} ran ${label} ${change} during block ${block} of ${blocks} than during the others (${chance}): rows are compared ` +
    'within their blocks, where that cancels; a number by itself may be off by as much'
  );
}

/**
 * One start does not tell how starts of its row differ. Whether more are to come depends on what the sweep
 * asks for.
 */
function singleLine(rows: readonly Row[], starts: number | null): string[] {
  const timed = rows.filter(
    (row) => row.state === 'valid' && SETTLING_METRICS.some((name) => quotedOf(row, name) !== null),
  );
  const single = timed.filter((row) => row.starts.length === 1);
  if (single.length === 0) return [];
  const all = single.length === timed.length;
  if (starts !== null && starts > 1) {
    return all && shortRows(rows, starts).length === 0
      ? [`first pass: each row has one start of ${starts} so far, intervals narrow with the second`]
      : [
          `${single.length} of ${timed.length} rows have one of the ${starts} starts asked for: their intervals are wide`,
        ];
  }
  const which = all ? 'each row is one start' : `${single.length} of ${timed.length} rows are one start`;
  return [
    `${starts === 1 ? 'quick: ' : ''}${which}, and identical processes differ by percents, which its interval can only guess. \`measure: {starts: 3}\` narrows it`,
  ];
}

/**
 * Rows that lack starts though as many trials as were asked for were made: some came to nothing, and tries
 * end.
 */
const shortRows = (rows: readonly Row[], starts: number | null): readonly Row[] =>
  rows.filter(
    (row) =>
      row.state === 'valid' &&
      row.starts.length < (starts ?? 0) &&
      row.starts.length + lostOf(row).length >= (starts ?? 0),
  );

const lostOf = ({ others }: Row) => others.filter((trial) => !isValid(trial));

function shortLine(rows: readonly Row[], starts: number | null): string[] {
  const short = shortRows(rows, starts);
  if (short.length === 0) return [];
  const causes = [...new Set(short.flatMap(lostOf).flatMap(causesOf))].join(', ');
  return [
    `${short.length} of ${rows.length} rows have fewer than the ${starts} valid starts asked for: trials of theirs came to nothing (${causes}), and \`measure.retryInvalid\` and \`placement.retries\` say how often one is tried again`,
  ];
}

/** Codes of what made a trial useless. */
function causesOf({ failure, warnings }: ResultRecord): string[] {
  if (failure !== null) return [failure.code];
  return gradingCodesOf(warnings);
}

/** Counts rows with starts of another engine, which `startsOf` leaves out. */
function engineLine(rows: readonly Row[]): string[] {
  const changed = rows.filter(({ state, others }) => state === 'valid' && others.some(isValid));
  if (changed.length === 0) return [];
  return [
    `${changed.length} of ${rows.length} rows have valid starts of another release or build of their engine, which do not count: a row is what the newest one says`,
  ];
}

const isValid = ({ status, valid }: ResultRecord) => status === 'complete' && valid;

/** Rows that have the most starts allowed, and an interval that is still wider than the sweep asked for. */
function wideLine(rows: readonly Row[], maxStarts: number): string[] {
  const spent = rows.filter((row) => row.state === 'valid' && row.starts.length >= maxStarts);
  const wide = spent.flatMap((row) => {
    const width = widestHalf(row);
    const asked = row.experiment.measure.halfWidth;
    return width !== null && width > asked ? [{ width, asked }] : [];
  });
  if (wide.length === 0) return [];
  const widest = percent(Math.max(...wide.map(({ width }) => width)));
  const asked = percent(Math.min(...wide.map((one) => one.asked)));
  return [
    `${wide.length} of ${rows.length} rows have all of ${maxStarts} starts, and intervals that are wider than the ± ${asked} asked for (the widest ± ${widest}): raise \`measure.maxStarts\`, or calm the machine (\`ridge doctor\` says how)`,
  ];
}

/** As a share of what the row quotes; null where it has no interval. */
function widestHalf(row: Row): number | null {
  const widths = SETTLING_METRICS.flatMap((name) => {
    const quoted = quotedOf(row, name);
    if (quoted === null) return [];
    // More starts of this run do not narrow what other runs differ by.
    const { value, interval } = quoted.calm ?? quoted;
    return interval === null ? [] : [halfOf(interval) / value];
  });
  return widths.length === 0 ? null : Math.max(...widths);
}
