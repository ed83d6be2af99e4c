import {
  LOAD_SEARCH,
  type LoadSearch,
  measured,
  nextLoad,
  startLoadSearch,
} from '../core/serving/find-rate.js';
import { mostInFlight } from '../core/serving/requests.js';
import { keptBy, type Objective } from '../core/serving/slo.js';
import { loadOf, type ServingOptions } from './load.js';
import { recordsOf } from './run.js';
import type { BatchingServer } from './server.js';
import { type SimulationBounds, simulateBatching } from './simulate.js';

/** Requests of a rate or a concurrency beyond which nobody searches. */
const MOST_LOAD = 65_536;
const LEAST_RATE = 0.01;

/** A rate or a concurrency that keeps objectives. */
export interface HighestLoad {
  /** null = none does. */
  readonly load: number | null;
  /** One sentence. */
  readonly reason: string;
}

/**
 * Searches the highest load that keeps objectives, as it is searched on a server that is measured: by the
 * same steps, verdicts and limits.
 * @param held requests per second above which no queue ends; null = the load has no rate.
 */
export function highestLoad(
  options: ServingOptions,
  objectives: readonly Objective[],
  server: BatchingServer,
  held: number | null,
  bounds: SimulationBounds,
): HighestLoad | string {
  const rates = options.findHighest === 'requestsPerSecond';
  const name = rates ? 'requestsPerSecond' : 'concurrency';
  let search: LoadSearch = startLoadSearch({
    ...LOAD_SEARCH,
    of: rates ? 'rate' : 'concurrency',
    start: options[name] ?? 1,
    least: rates ? LEAST_RATE : 1,
    most: MOST_LOAD,
  });
  for (;;) {
    const next = nextLoad(search);
    if (next.kind !== 'measure') return { load: next.load, reason: next.reason };
    // Others come in other starts: a run that is repeated is not the same run.
    const loadSeed = options.loadSeed + search.runs.length;
    const load = loadOf({ ...options, [name]: next.load, loadSeed }, null);
    if (typeof load === 'string') return load;
    const run = simulateBatching(load, server, bounds);
    const records = recordsOf(run);
    search = measured(search, {
      load: next.load,
      ...(!rates && { inFlight: mostInFlight(records) }),
      kept: keptBy(records, objectives),
      saturated: run.endedEarly !== null || (rates && held !== null && next.load * options.turns > held),
    });
  }
}
