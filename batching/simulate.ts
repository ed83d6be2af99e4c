import { Clients } from './clients.js';
import { EarliestFirst, type Timed } from './earliest-first.js';
import type { TokenLoad } from './load.js';
import { type Listener, Replica } from './replica.js';
import { Requests } from './requests.js';
import { type BatchingRun, LoadSeries } from './run.js';
import type { BatchingServer } from './server.js';

/** Where a simulation ends, whatever its load is. */
export interface SimulationBounds {
  readonly maxSteps: number;
  /** Of the simulated clock. */
  readonly maxSeconds: number;
}

/** Enough for a million requests, and a month. */
export const SIMULATION_BOUNDS: SimulationBounds = { maxSteps: 1_000_000_000, maxSeconds: 30 * 86_400 };

/**
 * Simulates servers with continuous batching under a load, step by step, without a clock of its own and
 * without chance beyond the load's seed. Steps of decodes alone, between which nobody comes or ends, are
 * timed together by the context in their middle (`stepByStep` times each for itself).
 * @returns what became of each request; where a bound ended it, with a sentence.
 */
export function simulateBatching(
  load: TokenLoad,
  server: BatchingServer,
  bounds: SimulationBounds = SIMULATION_BOUNDS,
  { stepByStep = false } = {},
): BatchingRun {
  return new Simulation(load, server, bounds, stepByStep).run();
}

/** An answer that is whole, or a request that was refused, and whose client learns of it at its time. */
interface End extends Timed {
  readonly request: number;
  readonly complete: boolean;
}

class Simulation implements Listener {
  readonly #server: BatchingServer;
  readonly #bounds: SimulationBounds;
  readonly #load: TokenLoad;
  readonly #clients: Clients;
  readonly #requests = new Requests();
  readonly #replicas: readonly Replica[];
  /** Requests on each replica whose clients wait. */
  readonly #inFlight: number[];
  readonly #ends = new EarliestFirst<End>();
  readonly #series = new LoadSeries();
  readonly #refusals = new Map<number, string>();
  /** Of the replica that gets the next request where several have as few. */
  #turn = 0;

  constructor(load: TokenLoad, server: BatchingServer, bounds: SimulationBounds, stepByStep: boolean) {
    this.#load = load;
    this.#server = server;
    this.#bounds = bounds;
    this.#clients = new Clients(load);
    this.#replicas = Array.from(
      { length: server.replicas },
      () => new Replica(this.#requests, server, this, stepByStep),
    );
    this.#inFlight = this.#replicas.map(() => 0);
  }

  run(): BatchingRun {
    const { requestSeconds } = this.#server;
    let endedEarly: string | null = null;
    for (;;) {
      const arrives = this.#clients.next + requestSeconds;
      const ends = this.#ends.first?.seconds ?? Number.POSITIVE_INFINITY;
      const replica = this.#earliest();
      const now = Math.min(arrives, ends, replica?.clock ?? Number.POSITIVE_INFINITY);
      if (now === Number.POSITIVE_INFINITY) break;
      endedEarly = this.#bound(now);
      if (endedEarly !== null) break;
      if (ends === now) this.#end(this.#ends.shift()!);
      else if (arrives === now) this.#arrive(arrives);
      else this.#advance(replica!, Math.min(arrives, ends));
    }
    return this.#outcome(endedEarly);
  }

  composed(seconds: number): void {
    this.#note(seconds);
  }

  ended(request: number, seconds: number): void {
    this.#requests.done.set(request, seconds);
    this.#ends.push({ seconds, request, complete: true });
  }

  refused(request: number, seconds: number, reason = 'it has no room in the cache'): void {
    this.#refusals.set(request, reason);
    this.#requests.done.set(request, seconds);
    this.#ends.push({ seconds, request, complete: false });
  }

  /** Its client learns of it, and may send another. */
  #end({ request, seconds, complete }: End): void {
    const { server } = this.#requests;
    const place = server.at(request);
    if (place >= 0) this.#inFlight[place]! -= 1;
    if (!complete) server.set(request, -1);
    this.#requests.forgetTexts(request);
    this.#clients.ended(request, seconds, complete);
  }

  /** @returns the replica with work whose clock is the earliest. */
  #earliest(): Replica | null {
    let earliest: Replica | null = null;
    for (const replica of this.#replicas)
      if (replica.unfinished > 0 && (earliest === null || replica.clock < earliest.clock)) earliest = replica;
    return earliest;
  }

  /** @param known when the next client acts, as far as is known. */
  #advance(replica: Replica, known: number): void {
    let horizon = Math.min(known, this.#bounds.maxSeconds);
    // Whoever another replica answers may come here next.
    for (const other of this.#replicas)
      if (other !== replica && other.unfinished > 0) horizon = Math.min(horizon, other.clock);
    replica.advance(horizon, this.#bounds.maxSteps - this.#steps);
    this.#note(replica.clock);
  }

  #arrive(seconds: number): void {
    const id = this.#requests.count;
    const sent = this.#clients.send(id);
    if (sent === null) return;
    const { request, intended } = sent;
    const { promptTokens, outputTokens } = request;
    this.#requests.add(request, intended, seconds - this.#server.requestSeconds, seconds);
    const place = this.#fewest();
    const replica = this.#replicas[place]!;
    const refusal = replica.refusal(promptTokens, outputTokens);
    if (refusal !== null) {
      this.refused(id, seconds, refusal);
      return;
    }
    this.#requests.server.set(id, place);
    this.#inFlight[place]! += 1;
    replica.arrive(id, seconds);
    this.#note(seconds);
  }

  #fewest(): number {
    const count = this.#replicas.length;
    let fewest = this.#turn % count;
    for (let i = 1; i < count; i++) {
      const place = (this.#turn + i) % count;
      if (this.#inFlight[place]! < this.#inFlight[fewest]!) fewest = place;
    }
    this.#turn = fewest + 1;
    return fewest;
  }

  #note(seconds: number): void {
    let [waiting, running, held] = [0, 0, 0];
    for (const { waiting: own, batch } of this.#replicas) {
      waiting += own;
      running += batch.running;
      held += batch.cache.held * batch.cache.blockTokens;
    }
    this.#series.note(seconds, waiting, running, held);
  }

  get #steps(): number {
    return this.#replicas.reduce((sum, { steps }) => sum + steps, 0);
  }

  #bound(now: number): string | null {
    const { maxSteps, maxSeconds } = this.#bounds;
    if (this.#steps + this.#refusals.size >= maxSteps)
      return `The simulation was ended after ${maxSteps} steps.`;
    if (now >= maxSeconds) return `The simulation was ended at ${maxSeconds} s of its clock.`;
    return null;
  }

  #outcome(endedEarly: string | null): BatchingRun {
    for (const { batch } of this.#replicas) batch.close();
    const seconds = this.#replicas.reduce((last, { clock }) => Math.max(last, clock), 0);
    return {
      load: this.#load.says,
      server: this.#server.scheduler.says,
      requests: this.#requests,
      timelines: this.#replicas.map(({ timeline }) => timeline),
      series: this.#series.samples(),
      means: this.#series.means(),
      refusals: this.#refusals,
      steps: this.#steps,
      seconds,
      busySeconds: this.#replicas.reduce((sum, { busySeconds }) => sum + busySeconds, 0),
      endedEarly,
    };
  }
}
