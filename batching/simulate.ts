import { Clients } from './clients.js';
import type { DisaggregatedServer } from './disaggregated.js';
import { EarliestFirst, type Timed } from './earliest-first.js';
import { Handover } from './handover.js';
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
 * @param server equal replicas, or some that compute prompts and others that decode.
 * @returns what became of each request; where a bound ended it, with a sentence.
 */
export function simulateBatching(
  load: TokenLoad,
  server: BatchingServer | DisaggregatedServer,
  bounds: SimulationBounds = SIMULATION_BOUNDS,
  { stepByStep = false } = {},
): BatchingRun {
  return new Simulation(load, server, bounds, stepByStep).run();
}

/** What becomes of a request at a time, once it is known. */
interface Milestone extends Timed {
  readonly request: number;
  /** `computed`: its prompt is, and it decodes elsewhere; `handed`: its keys and values are there. */
  readonly what: 'ended' | 'refused' | 'computed' | 'handed';
}

class Simulation implements Listener {
  readonly #server: BatchingServer | DisaggregatedServer;
  readonly #bounds: SimulationBounds;
  readonly #load: TokenLoad;
  readonly #clients: Clients;
  readonly #requests = new Requests();
  /** Those that requests come to are the first. */
  readonly #replicas: readonly Replica[];
  readonly #doors: number;
  readonly #requestSeconds: number;
  readonly #handover: Handover | null;
  /** Requests on each replica at which they come, as far as the router knows. */
  readonly #inFlight: number[];
  readonly #milestones = new EarliestFirst<Milestone>();
  readonly #series = new LoadSeries();
  readonly #refusals = new Map<number, string>();
  /** Of the replica that gets the next request where several have as few. */
  #next = 0;

  constructor(
    load: TokenLoad,
    server: BatchingServer | DisaggregatedServer,
    bounds: SimulationBounds,
    stepByStep: boolean,
  ) {
    this.#load = load;
    this.#server = server;
    this.#bounds = bounds;
    this.#clients = new Clients(load);
    const [first, ...others] = 'prefill' in server ? [server.prefill, server.decode] : [server];
    this.#replicas = [first, ...others].flatMap((one) =>
      Array.from({ length: one.replicas }, () => new Replica(this.#requests, one, this, stepByStep)),
    );
    this.#doors = first.replicas;
    this.#requestSeconds = first.requestSeconds;
    this.#handover = 'prefill' in server ? new Handover(this.#requests, server) : null;
    this.#inFlight = Array.from({ length: this.#doors }, () => 0);
  }

  run(): BatchingRun {
    let endedEarly: string | null = null;
    for (;;) {
      const arrives = this.#clients.next + this.#requestSeconds;
      const reached = this.#milestones.first?.seconds ?? Number.POSITIVE_INFINITY;
      const replica = this.#earliest();
      const now = Math.min(arrives, reached, replica?.clock ?? Number.POSITIVE_INFINITY);
      if (now === Number.POSITIVE_INFINITY) break;
      endedEarly = this.#bound(now);
      if (endedEarly !== null) break;
      if (reached === now) this.#reach(this.#milestones.shift()!);
      else if (arrives === now) this.#arrive(arrives);
      else this.#advance(replica!, Math.min(arrives, reached));
    }
    return this.#outcome(endedEarly);
  }

  composed(seconds: number): void {
    this.#note(seconds);
  }

  ended(request: number, seconds: number): void {
    const { answered, outputTokens, done } = this.#requests;
    const whole = answered.at(request) >= outputTokens.at(request);
    if (whole) done.set(request, seconds);
    this.#milestones.push({ seconds, request, what: whole ? 'ended' : 'computed' });
  }

  refused(request: number, seconds: number, reason = 'it has no room in the cache'): void {
    this.#refusals.set(request, reason);
    this.#requests.done.set(request, seconds);
    this.#milestones.push({ seconds, request, what: 'refused' });
  }

  #reach({ request, seconds, what }: Milestone): void {
    switch (what) {
      case 'computed':
        this.#inFlight[this.#requests.server.at(request)]! -= 1;
        this.#handover!.push(request);
        this.#handOver(seconds);
        return;
      case 'handed':
        this.#handed(request, seconds);
        return;
      default:
        this.#end(request, seconds, what === 'ended');
    }
  }

  /** Its client learns of it, and may send another. */
  #end(request: number, seconds: number, complete: boolean): void {
    const { server } = this.#requests;
    const place = server.at(request);
    if (place >= this.#doors) {
      this.#handover!.ended(request);
      this.#handOver(seconds);
    } else if (place >= 0) this.#inFlight[place]! -= 1;
    if (!complete) server.set(request, -1);
    this.#requests.forgetTexts(request);
    this.#clients.ended(request, seconds, complete);
  }

  /** Lets all begin their way that have room at its end. */
  #handOver(now: number): void {
    for (let next = this.#handover!.begin(now); next !== null; next = this.#handover!.begin(now))
      this.#milestones.push({ ...next, what: 'handed' });
  }

  /** The client has its first token from the server that goes on with it. */
  #handed(request: number, seconds: number): void {
    const { server } = this.#requests;
    this.#replicas[server.at(request)]!.release(request, seconds);
    const place = this.#doors + this.#handover!.arrived(request);
    server.set(request, place);
    this.#requests.beginStretch(request, seconds);
    this.#replicas[place]!.arrive(request, seconds);
    this.#note(seconds);
  }

  /** @returns the replica with work whose clock is the earliest. */
  #earliest(): Replica | null {
    let earliest: Replica | null = null;
    for (const replica of this.#replicas)
      if (replica.works && (earliest === null || replica.clock < earliest.clock)) earliest = replica;
    return earliest;
  }

  /** @param known when the next client acts, as far as is known. */
  #advance(replica: Replica, known: number): void {
    let horizon = Math.min(known, this.#bounds.maxSeconds);
    // Whoever another replica answers may come here next.
    for (const other of this.#replicas)
      if (other !== replica && other.works) horizon = Math.min(horizon, other.clock);
    replica.advance(horizon, this.#bounds.maxSteps - this.#steps);
    this.#note(replica.clock);
  }

  #arrive(seconds: number): void {
    const id = this.#requests.count;
    const sent = this.#clients.send(id);
    if (sent === null) return;
    const { request, intended } = sent;
    const { promptTokens, outputTokens } = request;
    this.#requests.add(request, intended, seconds - this.#requestSeconds, seconds);
    const place = this.#fewest();
    const replica = this.#replicas[place]!;
    const refusal =
      replica.refusal(promptTokens, outputTokens) ??
      this.#replicas.at(-1)!.refusal(promptTokens, outputTokens);
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
    const count = this.#doors;
    let fewest = this.#next % count;
    for (let i = 1; i < count; i++) {
      const place = (this.#next + i) % count;
      if (this.#inFlight[place]! < this.#inFlight[fewest]!) fewest = place;
    }
    this.#next = fewest + 1;
    return fewest;
  }

  #note(seconds: number): void {
    let [waiting, running, held] = [this.#handover?.waiting ?? 0, 0, 0];
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
      server: saysOf(this.#server),
      requests: this.#requests,
      timelines: this.#replicas.map(({ timeline }) => timeline),
      series: this.#series.samples(),
      means: { ...this.#series.means(), waiting: meanWaiting(this.#requests, seconds) },
      refusals: this.#refusals,
      steps: this.#steps,
      seconds,
      busySeconds: this.#replicas.reduce((sum, { busySeconds }) => sum + busySeconds, 0),
      endedEarly,
    };
  }
}

/**
 * Requests come within steps, whose ends are noted ahead of them, so the mean follows from what each waited
 * (Little's law); of one that gave way, from its first wait.
 */
function meanWaiting({ arrived, scheduled, server, count }: Requests, seconds: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (server.at(i) < 0) continue;
    const until = scheduled.at(i);
    sum += Math.max(0, (Number.isNaN(until) ? seconds : until) - arrived.at(i));
  }
  return seconds === 0 ? 0 : sum / seconds;
}

function saysOf(server: BatchingServer | DisaggregatedServer): string {
  return 'prefill' in server ? server.says : server.scheduler.says;
}
