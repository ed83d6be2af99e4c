import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { ResultRecord } from '../../core/result/result.js';
import {
  changeSentences,
  DRIFT_METRICS,
  type DriftChart,
  driftCharts,
  lastOf,
  SITTING_SECONDS,
} from '../../report/drift/charts.js';
import type { LiveBaseline, LiveDrift } from '../../report/live/live.js';
import { median } from '../../statistics/quantile.js';
import { type Seer, seesSweep } from '../api/visible.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Log } from '../log/log.js';
import { storedResults } from '../results.js';

/** At most so many records are read, the newest ones. */
const MOST_RECORDS = 20_000;
/** At most so many charts are sent to a page, those that show a change first. */
const MOST_CHARTS = 200;
/** Records read between two turns of the event loop: agents are waiting too. */
const PART = 64;
/** Charts are not drawn again within this time, whatever results have come since. */
const FRESH_MILLISECONDS = 10_000;

/** A set of results that was saved by name (`ridge baseline save`). */
export interface Baseline {
  readonly name: string;
  readonly savedAt: string;
  records(): readonly ResultRecord[];
}

interface DriftParts {
  readonly log: Log;
  readonly dispatcher: Dispatcher;
  readonly baselines: () => readonly Baseline[];
}

/** The same experiments over time, for those who have the same rights. */
export class Drift {
  readonly #parts: DriftParts;
  readonly #who: Seer;
  #made: { readonly position: number; readonly at: number; readonly drift: Promise<LiveDrift> } | null = null;

  constructor(parts: DriftParts, who: Seer) {
    this.#parts = parts;
    this.#who = who;
  }

  current(): Promise<LiveDrift> {
    const { position } = this.#parts.dispatcher;
    const at = performance.now();
    if (this.#made?.position === position || at - (this.#made?.at ?? -Infinity) < FRESH_MILLISECONDS)
      return this.#made!.drift;
    const drift = this.#make();
    this.#made = { position, at, drift };
    drift.catch(() => {
      this.#made = null;
    });
    return drift;
  }

  async #make(): Promise<LiveDrift> {
    const records = await this.#records();
    const charts: DriftChart[] = [];
    for (const metric of DRIFT_METRICS) {
      charts.push(...this.#charts(records, metric).filter(({ sittings }) => sittings.length > 1));
      await nextTurn();
    }
    const sentences = changeSentences(charts);
    // Results of one's own machine, of whatever sweep: for those who may see them all.
    const named = this.#who.namespaces === null ? this.#parts.baselines() : [];
    const levels = named.flatMap(({ name, records: read }) =>
      DRIFT_METRICS.flatMap((metric) =>
        // Of what experiments have in common each set of results has a level of its own.
        this.#charts(read(), metric).flatMap((chart) =>
          chart.experimentId === null ? [] : [[keyOf(chart), { name, value: levelOf(chart) }] as const],
        ),
      ),
    );
    const baselinesOf = (chart: DriftChart): LiveBaseline[] =>
      levels.flatMap(([key, level]) => (key === keyOf(chart) ? [level] : []));
    const first = charts.toSorted((a, b) => newsIn(b) - newsIn(a)).slice(0, MOST_CHARTS);
    return {
      charts: first.map(({ sittings, ...chart }) => ({
        ...chart,
        sittings: sittings.map(({ environment: _, ...sitting }) => sitting),
        baselines: baselinesOf({ sittings, ...chart }),
        last: lastOf({ sittings, ...chart }),
      })),
      left: charts.length - first.length,
      sentences,
      baselines: named.map(({ name, savedAt }) => ({ name, savedAt })),
    };
  }

  #charts(records: readonly ResultRecord[], metric: string): DriftChart[] {
    const { sweeps } = this.#parts.dispatcher.state;
    const labelOf = ({ sweep, experiment }: ResultRecord) =>
      sweeps.get(sweep.id)?.view.label(experiment as Experiment) || experiment.model.name;
    return driftCharts(records, { metrics: [metric], sittingSeconds: SITTING_SECONDS, labelOf });
  }

  async #records(): Promise<ResultRecord[]> {
    const { log, dispatcher } = this.#parts;
    const sees = (sweepId: string) => seesSweep(dispatcher, this.#who, sweepId);
    const query = { sweepId: null, sees, follow: false, allTrials: true, detail: 'row' as const };
    const records: ResultRecord[] = [];
    let read = 0;
    for await (const stored of storedResults(log, dispatcher, query, 0, new AbortController().signal)) {
      records.push(stored.record());
      if (records.length > 2 * MOST_RECORDS) records.splice(0, MOST_RECORDS);
      read += 1;
      if (read % PART === 0) await nextTurn();
    }
    return records.slice(-MOST_RECORDS);
  }
}

const keyOf = ({ node, device, experimentId, metric }: DriftChart) =>
  JSON.stringify([node, device, experimentId, metric]);

const levelOf = ({ sittings }: DriftChart) => median(sittings.map(({ value }) => value));

/** How much a chart has to say: a change, then a last sitting out of limits, then limits at all. */
function newsIn(chart: DriftChart): number {
  if (chart.changes.length > 0) return 3;
  if (chart.chart === null) return 0;
  return lastOf(chart) === 'out of limits' ? 2 : 1;
}
