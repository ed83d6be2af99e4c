import { setTimeout as sleep } from 'node:timers/promises';

/** Keys that are worked on side by side; each by one worker at a time. */
const WORKERS = 8;
const FIRST_SECONDS = 0.1;
const MOST_SECONDS = 60;

/**
 * Keys to look at, each once however often it was added: a key that is added while it is worked on is looked
 * at again after that, and one that failed later and later.
 */
export class Queue {
  readonly #work: (key: string) => Promise<'done' | 'again'>;
  readonly #waiting = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #attempts = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #wake: () => void = () => undefined;

  /** @param work never rejects. */
  constructor(work: (key: string) => Promise<'done' | 'again'>) {
    this.#work = work;
  }

  add(key: string): void {
    this.#waiting.add(key);
    this.#wake();
  }

  /** Works until the signal comes and what was begun is done. */
  async run(signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>();
    const stop = () => this.#wake();
    signal.addEventListener('abort', stop);
    while (!signal.aborted) {
      const next =
        running.size < WORKERS ? [...this.#waiting].find((key) => !this.#busy.has(key)) : undefined;
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (signal.aborted) resolve();
        });
        continue;
      }
      this.#waiting.delete(next);
      this.#busy.add(next);
      const one = this.#handle(next).finally(() => {
        running.delete(one);
        this.#busy.delete(next);
        this.#wake();
      });
      running.add(one);
      // A worker that never waits must not keep timers and sockets waiting.
      await sleep(0);
    }
    signal.removeEventListener('abort', stop);
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(running);
  }

  async #handle(key: string): Promise<void> {
    if ((await this.#work(key)) === 'done') {
      this.#attempts.delete(key);
      return;
    }
    const attempts = this.#attempts.get(key) ?? 0;
    this.#attempts.set(key, attempts + 1);
    const seconds = Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** attempts) * (0.5 + Math.random() / 2);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.add(key);
    }, seconds * 1000);
    this.#timers.add(timer);
  }
}
