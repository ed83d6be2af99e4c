import type { SettlingValues } from '../../core/metrics/settling.js';
import type { WarningCode } from '../../core/result/warnings.js';
import type { StartsPolicy } from '../../core/sweep/spec.js';
import { PositionTable } from './position-table.js';
import type { TrialTable } from './trial-table.js';
import type { StartValues } from './verdict.js';

/** A valid trial that counts for a point. */
export interface Start {
  readonly trialId: string;
  /** Taken over from an earlier sweep. */
  readonly reused: boolean;
  /** What it says of the metrics that must settle; empty where that is not known. */
  readonly values: SettlingValues;
  /** Codes of what disturbed it. */
  readonly gradingCodes: readonly WarningCode[];
}

/** Points of one piece of a snapshot. */
const PIECE = 4096;

/** What a snapshot keeps of starts beside the packed ones. */
type StartsPiece =
  | { readonly total: number; readonly useful: number; readonly codes: ReadonlyMap<number, Set<WarningCode>> }
  | { readonly said: ReadonlyMap<number, StartValues> }
  | { readonly waiting: Float64Array; readonly count: number }
  | Float64Array;

/** More than the starts that any sweep can ask for. */
const MOST_STARTS = 1024;

/**
 * What is known of points between their first valid start and their last, and in which order they get the
 * next one: first every point gets its second start, then every point its third, so that each pass over the
 * sweep is a part of it in time. A point takes some 40 bytes, and nothing once it is settled.
 */
export class Starts {
  readonly #trials: TrialTable;
  /** (Number of its first trial × MOST_STARTS + starts) × 2 + whether all of them are reused. */
  readonly #packed = new PositionTable();
  /** What starts said; null where it does not decide whether there will be another. */
  readonly #said: Map<number, StartValues> | null;
  /** What disturbed the starts of a point, each code once; nothing of points whose starts are clean. */
  readonly #gradingCodes = new Map<number, Set<WarningCode>>();
  /** By number of starts: the points that wait for one more. Some have moved on since. */
  readonly #waiting: { readonly positions: number[]; taken: number }[] = [];
  /** Of a point: one that is not settled lacks one start at least. */
  readonly #mostUseful: number;
  #total = 0;
  #useful = 0;

  constructor(trials: TrialTable, { starts, maxStarts }: StartsPolicy) {
    this.#trials = trials;
    this.#said = maxStarts > starts ? new Map() : null;
    this.#mostUseful = starts - 1;
  }

  /** Starts of all points here together. */
  get total(): number {
    return this.#total;
  }

  /**
   * How many of them bring a point nearer to its end. Where a point gets more starts than were asked for, its
   * last one is always still to come.
   */
  get useful(): number {
    return this.#useful;
  }

  countOf(position: number): number {
    const packed = this.#packed.get(position);
    return packed === undefined ? 0 : Math.floor(packed / 2) % MOST_STARTS;
  }

  /**
   * @returns the first start of a point, whether all of its starts were taken over, and what disturbed any of
   *   them; null for a point without starts.
   */
  firstOf(position: number): Pick<Start, 'trialId' | 'reused' | 'gradingCodes'> | null {
    const packed = this.#packed.get(position);
    if (packed === undefined) return null;
    const trialId = this.#trials.idOf(Math.floor(packed / (2 * MOST_STARTS)));
    return {
      trialId,
      reused: packed % 2 === 1,
      gradingCodes: [...(this.#gradingCodes.get(position) ?? [])].sort(),
    };
  }

  /**
   * Puts another trial in the place of a point's first start: the same measurement with new answers.
   * @param trialId of a trial that is recorded.
   */
  replaceFirst(position: number, trialId: string): void {
    const packed = this.#packed.get(position);
    if (packed === undefined) return;
    const number = this.#trials.numberOf(trialId)!;
    this.#packed.set(position, number * 2 * MOST_STARTS + (packed % (2 * MOST_STARTS)));
  }

  /** What the starts of a point said; null where that is not kept. */
  saidOf(position: number): StartValues | null {
    return this.#said?.get(position) ?? null;
  }

  /** @param start of a trial that is recorded. @returns how many there are now. */
  add(position: number, { trialId, reused, values, gradingCodes }: Start): number {
    const count = this.countOf(position) + 1;
    const first = this.firstOf(position);
    const number = this.#trials.numberOf(first?.trialId ?? trialId)!;
    const all = reused && (first?.reused ?? true);
    this.#packed.set(position, (number * MOST_STARTS + count) * 2 + Number(all));
    this.#total += 1;
    if (count <= this.#mostUseful) this.#useful += 1;
    if (gradingCodes.length > 0) {
      this.#gradingCodes.set(
        position,
        new Set([...(this.#gradingCodes.get(position) ?? []), ...gradingCodes]),
      );
    }
    const said = this.#said?.get(position);
    if (said === undefined) this.#said?.set(position, { values: [values], halfWidths: [] });
    else said.values.push(values);
    return count;
  }

  /** Lets a point that has starts wait for one more. */
  wait(position: number): void {
    const count = this.countOf(position);
    while (this.#waiting.length <= count) this.#waiting.push({ positions: [], taken: 0 });
    this.#waiting[count]!.positions.push(position);
  }

  /** @returns the fewest starts that a waiting point has; null when none waits. */
  fewest(): number | null {
    for (const [count, list] of this.#waiting.entries()) {
      // Points that got a start elsewhere meanwhile wait in a later list, if at all.
      while (list.taken < list.positions.length && this.countOf(list.positions[list.taken]!) !== count) {
        list.taken += 1;
      }
      if (list.taken < list.positions.length) return count;
      list.positions.length = 0;
      list.taken = 0;
    }
    return null;
  }

  /** Takes the point out that has waited longest with so many starts; undefined when there is none. */
  take(count: number): number | undefined {
    const list = this.#waiting[count];
    while (list !== undefined && list.taken < list.positions.length) {
      const position = list.positions[list.taken]!;
      list.taken += 1;
      if (this.countOf(position) === count) return position;
    }
    return undefined;
  }

  /** How many points wait, and perhaps more: of those that were settled meanwhile some are counted. */
  get waitingAtMost(): number {
    return this.#waiting.reduce((sum, { positions, taken }) => sum + positions.length - taken, 0);
  }

  /** Positions that wait, by how many starts they have, in their order. */
  *waiting(): Generator<number> {
    for (const [count, { positions, taken }] of this.#waiting.entries()) {
      for (const position of positions.slice(taken)) if (this.countOf(position) === count) yield position;
    }
  }

  /** A point that is settled for now is no longer counted among those that lack starts. */
  putAside(position: number): void {
    this.#tally(position, -1);
  }

  /** It is again. */
  takeUp(position: number): void {
    this.#tally(position, 1);
  }

  #tally(position: number, change: 1 | -1): void {
    const count = this.countOf(position);
    this.#total += change * count;
    this.#useful += change * Math.min(count, this.#mostUseful);
  }

  /** Forgets a point, which is settled. */
  delete(position: number): void {
    this.#tally(position, -1);
    this.#packed.delete(position);
    this.#said?.delete(position);
    this.#gradingCodes.delete(position);
  }

  /**
   * @returns what a snapshot keeps of them; points that were taken out to be measured wait behind the others.
   */
  *pieces(settled: { has(position: number): boolean }): Generator<StartsPiece> {
    yield { total: this.#total, useful: this.#useful, codes: this.#gradingCodes };
    yield* this.#packed.pieces();
    const said = [...(this.#said ?? [])];
    for (let from = 0; from < said.length; from += PIECE)
      yield { said: new Map(said.slice(from, from + PIECE)) };
    const lists = this.#waiting.map(() => new Set<number>());
    for (const position of [...this.waiting(), ...[...this.#packed].map(([at]) => at)]) {
      if (!settled.has(position)) lists[this.countOf(position)]?.add(position);
    }
    for (const [count, list] of lists.entries()) yield { count, waiting: Float64Array.from(list) };
  }

  restore(piece: StartsPiece): void {
    if (piece instanceof Float64Array) this.#packed.restore(piece);
    else if ('said' in piece) for (const [position, said] of piece.said) this.#said?.set(position, said);
    else if ('waiting' in piece) this.#waiting[piece.count] = { positions: [...piece.waiting], taken: 0 };
    else {
      [this.#total, this.#useful] = [piece.total, piece.useful];
      for (const [position, codes] of piece.codes) this.#gradingCodes.set(position, codes);
    }
  }

  /** Points with their starts, for those that compare two states. */
  *[Symbol.iterator](): Generator<[position: number, starts: number]> {
    for (const [position] of this.#packed) yield [position, this.countOf(position)];
  }
}
