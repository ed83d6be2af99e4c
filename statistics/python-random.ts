/**
 * Words of the state, and how far the twist reaches (Matsumoto & Nishimura, "Mersenne Twister", ACM TOMACS 8,
 * 1998).
 */
const N = 624;
const M = 397;

/**
 * Python's `random.Random(seed)`: draws of other programs, such as lm-evaluation-harness's examples, come out
 * the same here. MT19937 begun by `init_by_array`, as CPython's `_randommodule.c` does with whole numbers.
 */
export class PythonRandom {
  readonly #state = new Uint32Array(N);
  #at = N;

  /** @param seed a whole number from 0 to 2³² − 1. */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = 19_650_218;
    for (let i = 1; i < N; i++) state[i] = Math.imul(1_812_433_253, mixed(state[i - 1]!)) + i;
    for (let i = 1, k = N; k > 0; k--) {
      state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1_664_525)) + seed;
      i = this.#next(i);
      if (k === 1) this.#settle(i);
    }
  }

  /** @returns a whole number from 0 to `below` − 1. */
  integerBelow(below: number): number {
    const bits = 32 - Math.clz32(below);
    for (;;) {
      const drawn = this.#word() >>> (32 - bits);
      if (drawn < below) return drawn;
    }
  }

  /** `random.random`. @returns a number from 0 to less than 1, of 53 random bits. */
  next(): number {
    const high = this.#word() >>> 5;
    return (high * 67_108_864 + (this.#word() >>> 6)) / 9_007_199_254_740_992;
  }

  /** `random.sample`. @returns `count` of the population, in the order in which they were drawn. */
  sample<T>(population: readonly T[], count: number): T[] {
    const size = population.length;
    // CPython: a set of what was drawn, unless a copy of the list is smaller.
    const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
    if (size <= setSize) {
      const pool = [...population];
      return Array.from({ length: count }, (_, i) => {
        const j = this.integerBelow(size - i);
        const drawn = pool[j]!;
        pool[j] = pool[size - i - 1]!;
        return drawn;
      });
    }
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.integerBelow(size));
    return [...drawn].map((j) => population[j]!);
  }

  /** The second half of `init_by_array`. */
  #settle(from: number): void {
    const state = this.#state;
    for (let i = from, k = N - 1; k > 0; k--) {
      state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1_566_083_941)) - i;
      i = this.#next(i);
    }
    state[0] = 0x80000000;
  }

  #next(i: number): number {
    if (i + 1 < N) return i + 1;
    this.#state[0] = this.#state[N - 1]!;
    return 1;
  }

  #word(): number {
    if (this.#at >= N) this.#twist();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
      state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}

const mixed = (word: number): number => word ^ (word >>> 30);
