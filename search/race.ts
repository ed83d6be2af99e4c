import { wilcoxonSignedRank } from '../statistics/significance.js';

/**
 * The fewest rounds of a race, and the number after which all points that are still in it are promoted. Four
 * pairs are the fewest with which a difference can be significant at LEVEL.
 */
export const FEWEST_ROUNDS = 4;
const MOST_ROUNDS = 6;
/** Points that race with each other. */
export const RACERS = 6;
/** Probability that a point is dropped although it is as good as its rival. */
const LEVEL = 0.1;

/** The result of one probe; null for an objective without a number. */
export interface Reading {
  readonly block: number;
  readonly costs: readonly (number | null)[];
}

/** Who is looked at, in its order. */
export interface Field {
  readingsOf(position: number): readonly Reading[] | null;
  /** Whether the point still waits for a full measurement; points that had one take part as rivals. */
  waits(position: number): boolean;
  /**
   * For an objective without numbers in probes: whether the prediction rules out that the point is better
   * than its rival. False without a prediction.
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
 * Points whose probes are too close to decide which are worth a full measurement. They are probed again in
 * shared blocks, one start each, so that the effect of a block cancels out in their differences. A point
 * loses when a rival is better by the signed ranks of these differences in every objective that differs
 * (racing as in Maron and Moore, "Hoeffding Races", NIPS 6, 1993, by Wilcoxon's test). The probe by which the
 * rivals were chosen is not counted, because they may have been chosen for being lucky in it.
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

  /** Removes a point that was beaten, measured or given up. */
  leave(position: number): void {
    this.#members.delete(position);
  }

  /**
   * Members in the order in which they are probed. It changes from round to round, so that a drift within a
   * block does not always affect the same ones.
   */
  get members(): readonly number[] {
    const members = [...this.#members];
    return this.rounds % 2 === 0 ? members : members.reverse();
  }

  /** Members that wait to be measured in full. */
  get waiting(): readonly number[] {
    return [...this.#members].filter((member) => this.#field.waits(member));
  }

  /** Rounds that every waiting member has completed. */
  get rounds(): number {
    const run = this.#run();
    return run.length === 0 ? 0 : Math.min(...run);
  }

  #run(): number[] {
    return this.waiting.map((member) => this.#pairable(member).length);
  }

  /**
   * Whether the race is over: no rival is left, no member is behind another one, or it has taken enough
   * rounds.
   */
  get over(): boolean {
    if (this.#members.size < 2 || this.waiting.length === 0) return true;
    // A rival whose probes fail must not delay the others.
    if (Math.max(...this.#run()) >= MOST_ROUNDS) return true;
    return this.rounds >= FEWEST_ROUNDS && this.#losers().length === 0;
  }

  /** @returns the members that another member beats by now; they are not removed yet. */
  beaten(): Beaten[] {
    return this.waiting.flatMap((position) => {
      const by = [...this.#members].flatMap((rival) => this.#beatenBy(position, rival) ?? []);
      const [surest] = by.sort((a, b) => a.p - b.p);
      return surest === undefined ? [] : [surest];
    });
  }

  /** @returns members that are behind another member on average, though not significantly. */
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
   * For each objective, costs of a point minus those of its rival in the blocks that they share; null if one
   * has no number.
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

/** The decision about a probed point. */
export interface Decision {
  readonly position: number;
  /** True = it is measured in full; false = it keeps only its probes. */
  readonly promoted: boolean;
  /** In a clause. */
  readonly reason: string;
}
