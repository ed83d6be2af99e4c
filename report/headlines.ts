import type { Drift } from '../core/judgement/drift.js';
import { SETTLING_METRICS } from '../core/metrics/settling.js';
import type { Row } from './rows.js';
import { intervalOf, metricOf } from './rows.js';
import { halfOf } from './scale.js';

export interface HeadlineFacts {
  readonly rows: readonly Row[];
  /** Starts that the sweep asks of each row; null = not known. */
  readonly starts: number | null;
  readonly drift: Drift | null;
}

/** @returns what is to be known of a sweep as a whole before a number is quoted, one sentence each. */
export function headlinesOf({ rows, starts, drift }: HeadlineFacts): string[] {
  return [
    ...(drift === null ? [] : [driftLine(drift)]),
    ...singleLine(rows, starts),
    ...wideLine(rows, starts),
  ];
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function driftLine({ node, label, block, blocks, ratio, p }: Drift): string {
  const change = ratio > 1 ? `${percent(ratio - 1)} faster` : `${percent(1 - ratio)} slower`;
  const chance = p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
  return (
    `${node} ran ${label} ${change} during block ${block} of ${blocks} than during the others (${chance}): rows are compared ` +
    'within their blocks, where that cancels; a number by itself may be off by as much'
  );
}

/** One start says nothing of how starts differ: whether more are to come depends on what the sweep asks for. */
function singleLine(rows: readonly Row[], starts: number | null): string[] {
  const timed = rows.filter(
    (row) => row.state === 'valid' && SETTLING_METRICS.some((name) => metricOf(row, name) !== null),
  );
  const single = timed.filter((row) => row.starts.length === 1);
  if (single.length === 0) return [];
  const all = single.length === timed.length;
  if (starts !== null && starts > 1) {
    return all
      ? [`first pass: each row has one start of ${starts} so far, intervals come with the second`]
      : [
          `${single.length} of ${timed.length} rows have one of the ${starts} starts asked for: an interval takes a second`,
        ];
  }
  const which = all ? 'each row is one start' : `${single.length} of ${timed.length} rows are one start`;
  return [
    `${starts === 1 ? 'quick: ' : ''}${which}, and identical processes differ by percents, so there is no interval. \`measure: {starts: 3}\` gives one`,
  ];
}

/** Rows that have all of their starts, and an interval wider than what the sweep asked for: those that go on are not told. */
function wideLine(rows: readonly Row[], starts: number | null): string[] {
  const enough = Math.max(2, starts ?? 2);
  const several = rows.filter((row) => row.state === 'valid' && row.starts.length >= enough);
  const reached = several.flatMap((row) => {
    const widths = SETTLING_METRICS.flatMap((name) => {
      const [value, interval] = [metricOf(row, name), intervalOf(row, name)];
      return value === null || interval === null ? [] : [halfOf(interval) / value];
    });
    return widths.length === 0
      ? []
      : [{ width: Math.max(...widths), asked: row.experiment.measure.halfWidth }];
  });
  const wide = reached.filter(({ width, asked }) => width > asked);
  if (wide.length === 0) return [];
  const widest = Math.max(...wide.map(({ width }) => width));
  const asked = percent(Math.min(...wide.map((one) => one.asked)));
  return [
    `intervals of ${wide.length} of ${reached.length} rows are wider than the ± ${asked} asked for (the widest ± ${percent(widest)}): more starts make them narrower (\`measure.maxStarts\`)`,
  ];
}
