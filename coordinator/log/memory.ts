import { Arrivals } from './arrivals.js';
import { type AppendOutcome, type Fact, type Log, type LogEntry, trialOf } from './log.js';

/** A log that lives as long as its process: for tests and for `log: { kind: memory }`. */
export class MemoryLog implements Log {
  readonly #entries: LogEntry[] = [];
  readonly #trials = new Set<string>();
  readonly #arrivals = new Arrivals();
  readonly #closed = new AbortController();

  async end(): Promise<number> {
    return this.#entries.length;
  }

  async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    if (this.#entries.length !== expected) return { appended: false, position: this.#entries.length };
    for (const fact of facts) {
      const trial = trialOf(fact);
      if (trial !== null) {
        if (this.#trials.has(trial)) continue;
        this.#trials.add(trial);
      }
      // A stored fact must not change when its writer goes on using the object.
      this.#entries.push({ position: this.#entries.length + 1, fact: structuredClone(fact) });
    }
    this.#arrivals.notify();
    return { appended: true, position: this.#entries.length };
  }

  async *read(after: number): AsyncGenerator<LogEntry> {
    const end = this.#entries.length;
    for (let index = after; index < end; index += 1) yield this.#entries[index]!;
  }

  async *follow(after: number, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    for (let index = after; !stop.aborted; ) {
      const entry = this.#entries[index];
      if (entry === undefined) {
        await this.#arrivals.wait(stop);
      } else {
        yield entry;
        index += 1;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }
}
