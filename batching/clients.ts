import { startsOf } from '../core/serving/arrivals.js';
import { EarliestFirst, type Timed } from './earliest-first.js';
import type { TokenLoad } from './load.js';
import type { TokenRequest } from './request.js';

/** Requests that follow one another: the turns of a conversation, or one alone. */
type Unit = readonly TokenRequest[];

/** A request that is to be sent. */
interface Due extends Timed {
  readonly unit: Unit;
  readonly turn: number;
  readonly intended: number;
}

export interface Sent {
  readonly request: TokenRequest;
  readonly intended: number;
}

/**
 * Who sends the requests of a load and when, by the rules of the load generator (`load/run-load.ts`): a slot
 * of a closed loop takes the next unit when it is answered, starts of an open loop follow a schedule, and a
 * turn follows the one before it.
 */
export class Clients {
  readonly #load: TokenLoad;
  readonly #units: Iterator<Unit>;
  readonly #starts: Iterator<number> | null;
  readonly #due = new EarliestFirst<Due>();
  /** Units in flight that have turns left, by the number of the request. */
  readonly #following = new Map<number, { readonly unit: Unit; readonly turn: number }>();
  /** Requests that wait for one of the most in flight to end. */
  readonly #held: Due[] = [];
  #inFlight = 0;
  #sent = 0;

  constructor(load: TokenLoad) {
    const { arrival, seed } = load;
    this.#load = load;
    this.#units = unitsOf(load.requests);
    this.#starts = arrival.kind === 'closed' || arrival.kind === 'trace' ? null : startsOf(arrival, seed);
    if (arrival.kind === 'closed') for (let slot = 0; slot < arrival.concurrency; slot++) this.#fill(0);
    else this.#follow();
  }

  /** When the next request is sent; Infinity = as far as is known now, none is. */
  get next(): number {
    return this.#due.first?.seconds ?? Number.POSITIVE_INFINITY;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sends the next request. @param id its number. @returns null where it has to wait, or sending is over. */
  send(id: number): Sent | null {
    const due = this.#due.shift()!;
    const { arrival, maxSeconds, maxRequests, maxConcurrency } = this.#load;
    if (this.#sent >= (maxRequests ?? Infinity) || due.seconds > (maxSeconds ?? Infinity)) {
      this.#due.clear();
      this.#held.length = 0;
      return null;
    }
    if (due.turn === 0 && arrival.kind !== 'closed' && due.intended === due.seconds) this.#follow();
    if (maxConcurrency !== null && this.#inFlight >= maxConcurrency) {
      this.#held.push(due);
      return null;
    }
    const { unit, turn, intended } = due;
    if (turn + 1 < unit.length) this.#following.set(id, { unit, turn });
    this.#inFlight += 1;
    this.#sent += 1;
    return { request: unit[turn]!, intended };
  }

  /** @param complete whether it was answered in full: turns behind one that was not are skipped. */
  ended(id: number, seconds: number, complete: boolean): void {
    this.#inFlight -= 1;
    const held = this.#held.shift();
    if (held !== undefined) this.#push(seconds, held.unit, held.turn, held.intended);
    const following = this.#following.get(id);
    this.#following.delete(id);
    if (following !== undefined && complete) {
      const { unit, turn } = following;
      const { thinkSeconds, atSeconds } = unit[turn + 1]!;
      const start = Math.max(seconds + thinkSeconds, atSeconds ?? 0);
      this.#push(start, unit, turn + 1, start);
    } else if (this.#load.arrival.kind === 'closed') this.#fill(seconds);
  }

  #fill(seconds: number): void {
    const { value: unit, done } = this.#units.next();
    if (!done) this.#push(seconds, unit, 0, seconds);
  }

  #follow(): void {
    const { value: unit, done } = this.#units.next();
    if (done) return;
    const start = this.#starts === null ? (unit[0]!.atSeconds ?? 0) : this.#starts.next().value;
    if (start !== undefined) this.#push(start, unit, 0, start);
  }

  #push(seconds: number, unit: Unit, turn: number, intended: number): void {
    this.#due.push({ seconds, unit, turn, intended });
  }
}

/** Groups the requests of each conversation, in the order in which conversations begin. */
function* unitsOf(requests: Iterable<TokenRequest>): Generator<Unit> {
  let unit: TokenRequest[] = [];
  for (const request of requests) {
    const same = request.conversation !== null && unit[0]?.conversation === request.conversation;
    if (unit.length > 0 && !same) {
      yield unit;
      unit = [];
    }
    unit.push(request);
  }
  if (unit.length > 0) yield unit;
}
