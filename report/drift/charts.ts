import { getOrMake, groupBy } from '../../core/maps.js';
import { minuteOf } from '../../core/minute.js';
import { metricValue, type ResultRecord } from '../../core/result/result.js';
import { WATCHED } from '../../judgement/drift.js';
import { Commons } from '../../judgement/estimates.js';
import { combinedEntry, standing, startsOf } from '../../judgement/trials.js';
import { type ControlChart, controlChart, FEWEST_CHARTED } from '../../statistics/control-chart.js';
import { mean } from '../../statistics/summary.js';
import { isAsMeasured, quotedEntry } from '../quoted.js';

/**
 * Starts that lie closer together are one sitting: what the machine does to one it does to all, and their
 * spread says nothing of days.
 */
export const SITTING_SECONDS = 3600;

/** The number of an experiment in one sitting. */
export interface Sitting {
  /** First start, ISO 8601. */
  readonly at: string;
  /**
   * In the metric's unit, as on a calm machine: runs are compared so; of all experiments together the ratio
   * to their own means.
   */
  readonly value: number;
  /** The number that a report of the run shows; null of all experiments together. */
  readonly quoted: number | null;
  /** Whether that is as measured only. */
  readonly isAsMeasured: boolean;
  readonly starts: number;
  readonly environment: ResultRecord['environment'];
}

/** A level that is another since then. */
export interface Change {
  readonly at: string;
  /** New level over old one. */
  readonly ratio: number;
  readonly p: number;
  /** Facts of the environment that changed with it: `engine: llama.cpp v0.4.0 → v0.5.0`. */
  readonly environment: readonly string[];
}

/** One metric of one experiment on one device over time. */
export interface DriftChart {
  readonly node: string;
  readonly device: string;
  /** `all N experiments` for the chart of what they have in common. */
  readonly label: string;
  readonly experimentId: string | null;
  readonly metric: string;
  readonly sittings: readonly Sitting[];
  /** In the unit of the values; null with fewer than five sittings. */
  readonly chart: (Pick<ControlChart, 'centre' | 'limits'> & { readonly beyond: readonly string[] }) | null;
  readonly changes: readonly Change[];
}

export interface DriftRequest {
  readonly metrics: readonly string[];
  readonly sittingSeconds: number;
  /** How an experiment is called. */
  labelOf(record: ResultRecord): string;
}

export const DRIFT_METRICS: readonly string[] = [
  ...WATCHED.map(([metric]) => metric),
  'systemTokensPerSecond',
];

/**
 * The same experiments over time, a control chart each, on logarithms: a change is a ratio. Where a device
 * has several experiments, a chart of what they have in common comes first: the mean over experiments of how
 * far each lies from its own mean, which shows what each alone is too noisy for (paired over sittings, as
 * blocks of a sweep are).
 * @param records of any sweeps; failed and invalid ones, and sittings without a number, are left out.
 */
export function driftCharts(records: readonly ResultRecord[], request: DriftRequest): DriftChart[] {
  const valid = standing(records)
    .filter(
      ({ status, valid: counts, sweep }) =>
        status === 'complete' && sweep.purpose !== 'probe' && (counts || sweep.purpose === 'control'),
    )
    .toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  const devices = groupBy(valid, ({ node, device }) => JSON.stringify([node.name, device.id]));
  return [...devices.values()].flatMap((own) => {
    const runs = new Runs(own);
    return request.metrics.flatMap((metric) => {
      const each = [...groupBy(own, ({ experimentId }) => experimentId).values()].flatMap((of) => {
        const sittings = sittingsOf(of, metric, request.sittingSeconds, runs);
        return sittings.length === 0
          ? []
          : [chartOf(of[0]!, request.labelOf(of[0]!), of[0]!.experimentId, metric, sittings)];
      });
      const charted = each.filter(({ sittings }) => sittings.length > 1);
      const common =
        charted.length > 1 ? [pooledChart(own[0]!, metric, charted, request.sittingSeconds)] : [];
      return [...common, ...each];
    });
  });
}

/** What the rows of each run have in common, as a report of it has it. */
class Runs {
  readonly #measured: ReadonlyMap<string, readonly ResultRecord[]>;
  readonly #known = new Map<string, Commons>();

  constructor(records: readonly ResultRecord[]) {
    this.#measured = groupBy(
      records.filter(({ sweep }) => sweep.purpose === 'measure'),
      ({ sweep }) => sweep.id,
    );
  }

  /** @param starts of one row, of one run or several. */
  commonsOf(starts: readonly ResultRecord[]): Commons {
    const ids = [...new Set(starts.map(({ sweep }) => sweep.id))].sort();
    if (starts[0]!.sweep.purpose !== 'measure') return new Commons([starts]);
    return getOrMake(this.#known, ids.join(' '), () => {
      const own = ids.flatMap((id) => this.#measured.get(id) ?? []);
      const rows = [...groupBy(own, ({ experimentId }) => experimentId).values()].map(startsOf);
      // In the order of a report, whose first rows tell what all have in common.
      return new Commons(rows.sort((a, b) => a[0]!.sweep.position - b[0]!.sweep.position));
    });
  }
}

const secondsOf = (at: string) => Date.parse(at) / 1000;

/** @param records of one experiment, in order. */
function sittingsOf(records: readonly ResultRecord[], metric: string, apart: number, runs: Runs): Sitting[] {
  const groups: ResultRecord[][] = [];
  for (const record of records) {
    if ((metricValue(record, metric) ?? 0) <= 0) continue;
    const open = groups.at(-1);
    if (open !== undefined && secondsOf(record.startedAt) - secondsOf(open.at(-1)!.startedAt) < apart)
      open.push(record);
    else groups.push([record]);
  }
  return groups.flatMap((group): Sitting[] => {
    // Where an experiment has rows of its own, they and not the control between them are what a report
    // quotes.
    const measured = startsOf(group);
    const starts = measured.length > 0 ? measured : group;
    const quoted = quotedEntry(combinedEntry(starts, metric, runs.commonsOf(starts)));
    if (quoted === null) return [];
    const { startedAt: at, environment } = group[0]!;
    const value = quoted.calm?.value ?? quoted.value;
    return [
      {
        at,
        value,
        quoted: quoted.value,
        isAsMeasured: isAsMeasured(quoted),
        starts: starts.length,
        environment,
      },
    ];
  });
}

function chartOf(
  { node, device }: Pick<ResultRecord, 'node' | 'device'>,
  label: string,
  experimentId: string | null,
  metric: string,
  sittings: readonly Sitting[],
): DriftChart {
  const chart = controlChart(sittings.map(({ value }) => Math.log(value)));
  return {
    node: node.name,
    device: device.id,
    label,
    experimentId,
    metric,
    sittings,
    chart:
      chart === null
        ? null
        : {
            centre: Math.exp(chart.centre),
            limits: [Math.exp(chart.limits[0]), Math.exp(chart.limits[1])],
            beyond: chart.beyond.map((i) => sittings[i]!.at),
          },
    changes: (chart?.changes ?? []).map(({ at, by, p }) => ({
      at: sittings[at]!.at,
      ratio: Math.exp(by),
      p,
      environment: changedFacts(sittings[at - 1]!.environment, sittings[at]!.environment),
    })),
  };
}

/**
 * Sittings of all experiments, each less its own mean: those that began within one sitting of each other are
 * one.
 */
function pooledChart(
  place: Pick<ResultRecord, 'node' | 'device'>,
  metric: string,
  charts: readonly DriftChart[],
  apart: number,
): DriftChart {
  const apiece = charts.flatMap(({ sittings }) => {
    const middle = mean(sittings.map(({ value }) => Math.log(value)));
    return sittings.map((sitting) => ({ ...sitting, log: Math.log(sitting.value) - middle }));
  });
  const groups: (typeof apiece)[] = [];
  for (const one of apiece.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    const open = groups.at(-1);
    if (open !== undefined && secondsOf(one.at) - secondsOf(open.at(-1)!.at) < apart) open.push(one);
    else groups.push([one]);
  }
  const sittings = groups.map((group) => ({
    at: group[0]!.at,
    value: Math.exp(mean(group.map(({ log }) => log))),
    quoted: null,
    isAsMeasured: false,
    starts: group.reduce((sum, { starts }) => sum + starts, 0),
    environment: group[0]!.environment,
  }));
  return chartOf(place, `all ${charts.length} experiments`, null, metric, sittings);
}

/** Facts that differ in every trial do not explain a change. */
const RESTLESS = /temperature|uptime|load|free|available|seconds|clock|pid|port|address/i;

function changedFacts(before: Sitting['environment'], after: Sitting['environment']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before[name] ?? null, after[name] ?? null];
    return old === now || RESTLESS.test(name)
      ? []
      : [`${name}: ${old ?? 'not known'} → ${now ?? 'not known'}`];
  });
}

/** Differences below which nobody acts, as of drift within a sweep. */
const INDIFFERENCE = 0.02;

/** @returns the changes that are large enough to matter, in a sentence each. */
export function changeSentences(charts: readonly DriftChart[]): string[] {
  return charts.flatMap(({ node, device, label, metric, changes }) =>
    changes
      .filter(({ ratio }) => Math.abs(Math.log(ratio)) > Math.log1p(INDIFFERENCE))
      .map(({ at, ratio, p, environment }) => {
        const size = `${(100 * Math.abs(ratio - 1)).toFixed(1)} %`;
        const with_ = environment.length === 0 ? '' : `; with it changed ${environment.join(', ')}`;
        return `${node} ${device}: ${label}: ${metric} is ${size} ${ratio > 1 ? 'higher' : 'lower'} since ${minuteOf(at)} (${p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`})${with_}`;
      }),
  );
}

/**
 * @returns what charts without a change say together: that no level changed, or that there are too few
 *   sittings to tell.
 */
export function unchangedSentence(charts: readonly DriftChart[]): string {
  const most = Math.max(0, ...charts.map(({ sittings }) => sittings.length));
  const judged = charts.filter(({ chart }) => chart !== null).length;
  if (judged === 0)
    return `cannot tell yet: ${most} of ${FEWEST_CHARTED} sittings. Measure the same experiments again on other occasions`;
  return judged === charts.length
    ? 'no level changed'
    : `no level changed in ${judged} of ${charts.length} charts; the others have fewer than ${FEWEST_CHARTED} sittings`;
}

/** @returns in a clause what a chart says of its last sitting. */
export function lastOf({ sittings, chart }: DriftChart): string {
  if (chart === null) return `${sittings.length} of ${FEWEST_CHARTED} sittings`;
  return chart.beyond.includes(sittings.at(-1)?.at ?? '') ? 'out of limits' : 'in control';
}
