import type { Clock, Timer } from '../../../coordinator/clock.js';

/** Random numbers of a seed (mulberry32, Tommy Ettinger, public domain). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 0x9e3779b9 + 0x6d2b79f5) | 0;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }
  whole(count: number): number {
    return Math.floor(this.next() * count);
  }
  chance(share: number): boolean {
    return this.next() < share;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.whole(list.length)]!;
  }
}

interface Planned {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
  /** Whether it has come to nothing by then. */
  readonly isOver: (() => boolean) | undefined;
}

/**
 * Time that passes only when nothing is left to do, and everything that happens in it, in an order that the
 * seed decides.
 */
export class World {
  readonly random: Random;
  now = 0;
  events = 0;
  #order = 0;
  /** A heap by time. */
  readonly #planned: Planned[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  after(seconds: number, work: () => void, isOver?: () => boolean): void {
    const planned = { at: this.now + Math.max(0, seconds), order: this.#order++, work, isOver };
    const heap = this.#planned;
    let index = heap.push(planned) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(planned, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = planned;
  }

  /** Lets time pass until then, or until it is enough. */
  async run(until: number, enough: () => boolean): Promise<void> {
    while (this.#planned.length > 0 && this.#planned[0]!.at <= until && !enough()) {
      const { at, work, isOver } = this.#take();
      if (isOver?.() === true) continue;
      this.now = Math.max(this.now, at);
      this.events += 1;
      work();
      await settled();
    }
    this.now = Math.max(this.now, Math.min(until, this.#planned[0]?.at ?? until));
  }

  #take(): Planned {
    const heap = this.#planned;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
        if (!before(heap[child]!, last)) break;
        heap[index] = heap[child]!;
        index = child;
      }
      heap[index] = last;
    }
    return first;
  }
}

const before = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * Resolves when all that an event has set going is done and waits for other events: ticks come when no
 * microtask is left.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Turns of the event loop are ticks while the work goes on: nothing here waits for the world outside. */
export async function inTicks<T>(work: () => Promise<T>): Promise<T> {
  const { setImmediate } = globalThis;
  globalThis.setImmediate = ((run: () => void) => process.nextTick(run)) as unknown as typeof setImmediate;
  try {
    return await work();
  } finally {
    globalThis.setImmediate = setImmediate;
  }
}

/** A process: it stands still (SIGSTOP), goes on, and dies; its clocks are its own. */
export class Process {
  readonly world: World;
  readonly name: string;
  alive = true;
  readonly clock: Clock & Timer;
  #stillUntil = 0;
  /** Seconds that its wall clock is beside the truth. */
  #wallOff = 0;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    const offset = world.random.between(0, 1e5);
    // Two crystals.
    const rate = 1 + world.random.between(-1e-4, 1e-4);
    this.clock = {
      now: () => offset + world.now * rate,
      isoTime: () => new Date(Date.UTC(2026, 0, 1) + 1000 * (world.now + this.#wallOff)).toISOString(),
      wait: (seconds, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const over = (): void => {
            signal?.removeEventListener('abort', over);
            resolve();
          };
          signal?.addEventListener('abort', over, { once: true });
          this.after(seconds / rate, over);
        }),
    };
  }

  /** Wall clock in seconds, for a planted bug alone. */
  get wall(): number {
    return this.world.now + this.#wallOff;
  }

  /** Does it then, unless it is dead by then, and later when it stands still. */
  after(seconds: number, work: () => void, isOver?: () => boolean): void {
    this.world.after(
      seconds,
      () => this.#now(work),
      () => !this.alive || isOver?.() === true,
    );
  }

  standStill(seconds: number): void {
    this.#stillUntil = Math.max(this.#stillUntil, this.world.now + seconds);
  }

  get still(): boolean {
    return this.world.now < this.#stillUntil;
  }

  jump(seconds: number): void {
    this.#wallOff += seconds;
  }

  #now(work: () => void): void {
    if (!this.alive) return;
    if (this.still) this.world.after(this.#stillUntil - this.world.now, () => this.#now(work));
    else work();
  }
}
