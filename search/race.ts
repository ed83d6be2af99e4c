import { wilcoxonSignedRank } from '../statistics/significance.js';

/**
 * Rounds before a race may end, and after which what is still in it is promoted together. Four pairs are the
 * fewest that can be told apart at LEVEL.
 */
export const FEWEST_ROUNDS = 4;
const MOST_ROUNDS = 6;
/** Points that race with each other. */
export const RACERS = 6;
/** Chance at which a point that is as good as its rival is left behind. */
const LEVEL = 0.1;

/** What one probe said: null where it has no number. */
export interface Reading {
  readonly block: number;
  readonly costs: readonly (number | null)[];
}

/** Who is looked at, in its order. */
export interface Field {
  readingsOf(position: number): readonly Reading[] | null;
  /** Whether it waits to be measured in full; those that were are rivals all the same. */
  waits(position: number): boolean;
  /**
   * Of an objective that probes have no number of: whether a point cannot be better than another by what is
   * predicted. False where nothing is.
   */
  cannotBeat(position: number, rival: number, objective: number): boolean;
}

/** How a point was beaten. */
export interface Beaten {
  readonly position: number;
  readonly rival: number;
  readonly blocks: number;
  /** Of the objective that is least sure. */
  readonly p: number;
}

/**
 * Points whose probes are too close to say which are worth a full measurement. They are probed again in
 * shared blocks, one start each, so that what a block does to all of them cancels out in their differences. A
 * point loses when a rival is better by the signed ranks of these differences in every objective that differs
 * (racing as in Maron and Moore, "Hoeffding Races", NIPS 6, 1993, by Wilcoxon's test). The probe that chose
 * the rivals is not counted, since they were chosen for being lucky in it.
 */
export class Race {
  readonly #members = new Set<number>();
  readonly #field: Field;

  constructor(field: Field, members: readonly number[] = []) {
    this.#field = field;
    for (const member of members) this.#members.add(member);
  }

  has(position: number): boolean {
    return this.#members.has(position);
  }

  join(position: number): void {
    this.#members.add(position);
  }

  /** Takes a point out, which was beaten, measured or given up. */
  leave(position: number): void {
    this.#members.delete(position);
  }

  /**
   * In the order in which they are probed, which changes from round to round: what drifts in a block does not
   * always meet the same ones.
   */
  get members(): readonly number[] {
    const members = [...this.#members];
    return this.rounds % 2 === 0 ? members : members.reverse();
  }

  /** Members that wait to be measured in full. */
  get waiting(): readonly number[] {
    return [...this.#members].filter((member) => this.#field.waits(member));
  }

  /** Rounds that each of those that wait has run. */
  get rounds(): number {
    const run = this.#run();
    return run.length === 0 ? 0 : Math.min(...run);
  }

  #run(): number[] {
    return this.waiting.map((member) => this.#pairable(member).length);
  }

  /**
   * Whether nothing is to be found out any more: nobody is left to race with, no member is behind another
   * one, or it took long enough.
   */
  get over(): boolean {
    if (this.#members.size < 2 || this.waiting.length === 0) return true;
    // A rival whose probes fail holds nobody up.
    if (Math.max(...this.#run()) >= MOST_ROUNDS) return true;
    return this.rounds >= FEWEST_ROUNDS && this.#losers().length === 0;
  }

  /** @returns those that a member beats by now; they are still in it. */
  beaten(): Beaten[] {
    return this.waiting.flatMap((position) => {
      const by = [...this.#members].flatMap((rival) => this.#beatenBy(position, rival) ?? []);
      const [surest] = by.sort((a, b) => a.p - b.p);
      return surest === undefined ? [] : [surest];
    });
  }

  /** @returns members that a member is ahead of on average, though not surely. */
  #losers(): number[] {
    return this.waiting.filter((position) =>
      [...this.#members].some((rival) => {
        const differences = this.#differences(position, rival);
        return (
          differences.every((ones, d) =>
            ones === null ? this.#field.cannotBeat(position, rival, d) : sum(ones) >= 0,
          ) && differences.some((ones) => ones !== null && sum(ones) > 0)
        );
      }),
    );
  }

  #beatenBy(position: number, rival: number): Beaten | null {
    let worst: number | null = null;
    let blocks = 0;
    for (const [d, ones] of this.#differences(position, rival).entries()) {
      if (ones === null) {
        if (!this.#field.cannotBeat(position, rival, d)) return null;
        continue;
      }
      if (ones.every((one) => one === 0)) continue;
      blocks = ones.length;
      const p = wilcoxonSignedRank(ones);
      if (p === null || p > LEVEL) return null;
      worst = Math.max(worst ?? 0, p);
    }
    return worst === null ? null : { position, rival, blocks, p: worst };
  }

  /**
   * By objective: costs of a point less those of its rival in the blocks that they share; null where one has
   * no number.
   */
  #differences(position: number, rival: number): (number[] | null)[] {
    const theirs = new Map(this.#pairable(rival).map(({ block, costs }) => [block, costs]));
    const pairs = this.#pairable(position).flatMap(({ block, costs }) => {
      const other = rival === position ? undefined : theirs.get(block);
      return other === undefined ? [] : [[costs, other] as const];
    });
    const [first] = pairs;
    if (first === undefined) return [];
    return first[0].map((_, d) => {
      const ones = pairs.map(([own, other]) =>
        own[d] == null || other[d] == null ? null : own[d] - other[d],
      );
      return ones.some((one) => one === null) ? null : (ones as number[]);
    });
  }

  #pairable(position: number): readonly Reading[] {
    return this.#field.readingsOf(position)?.slice(1) ?? [];
  }
}

const sum = (ones: readonly number[]) => ones.reduce((total, one) => total + one, 0);

/** What was decided of a point that was probed. */
export interface Decision {
  readonly position: number;
  /** To a full measurement; otherwise it is left with its probes. */
  readonly promoted: boolean;
  /** In a clause. */
  readonly reason: string;
}
