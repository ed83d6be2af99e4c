import { type Kept, keptBy, type Objective } from '../../core/serving/slo.js';
import type { TokenLoad } from '../load.js';
import { briefRecordsOf } from '../run.js';
import type { BatchingServer } from '../server.js';
import { type SimulationBounds, simulateBatching } from '../simulate.js';

/** How many requests kept what was promised, on so many replicas. */
export interface Attained {
  readonly replicas: number;
  readonly kept: readonly Kept[];
  /** The share that kept the objective that the fewest did, for what it asks. */
  readonly share: number;
  readonly keeps: boolean;
}

/** Whatever the load is, a trial ends. */
export const TRIAL_BOUNDS: SimulationBounds = { maxSteps: 50_000_000, maxSeconds: 30 * 86_400 };

/** One load on one server at any number of replicas, each simulated once. */
export class Trials {
  readonly #server: BatchingServer;
  readonly #load: TokenLoad;
  readonly #objectives: readonly Objective[];
  readonly #known = new Map<number, Attained>();
  readonly #count: Count;

  /** @param server of one replica. */
  constructor(server: BatchingServer, load: TokenLoad, objectives: readonly Objective[], count: Count) {
    this.#server = server;
    this.#load = load;
    this.#objectives = objectives;
    this.#count = count;
  }

  /** All that were looked at, ascending. */
  get looked(): readonly Attained[] {
    return [...this.#known.values()].sort((a, b) => a.replicas - b.replicas);
  }

  at(replicas: number): Attained {
    const known = this.#known.get(replicas);
    if (known !== undefined) return known;
    this.#count.simulations += 1;
    const server = { ...this.#server, replicas: this.#server.replicas * replicas };
    const run = simulateBatching(this.#load, server, TRIAL_BOUNDS);
    const kept = keptBy(briefRecordsOf(run), this.#objectives);
    const attained = {
      replicas,
      kept,
      share: Math.min(...kept.map((one) => one.kept / one.requests)),
      keeps: kept.every((one) => one.kept >= one.objective.share * one.requests),
    };
    this.#known.set(replicas, attained);
    return attained;
  }

  /**
   * @param least that can keep the objectives.
   * @param most that are of interest.
   * @returns the fewest replicas that keep them; null = more than `most`.
   */
  fewest(least: number, most: number): Attained | null {
    if (least > most) return null;
    let [below, above] = [least - 1, least];
    while (!this.at(above).keeps) {
      if (above === most) return null;
      below = above;
      above = Math.min(most, Math.max(above + 1, Math.ceil(1.4 * above)));
    }
    while (above - below > 1) {
      const middle = Math.floor((below + above) / 2);
      if (this.at(middle).keeps) above = middle;
      else below = middle;
    }
    return this.at(above);
  }
}

/** Simulations of an answer so far. */
export interface Count {
  simulations: number;
}
