import type { SteppedServer } from '../../batching/stepped.js';
import type { Pacer } from '../pacer.js';

/** What becomes of a request, token by token. */
type OnToken = () => void;

/**
 * Runs a stepped server on the real clock: its tokens come at the end of the step that computes them, and a
 * step begins when the one before ends, or when a request comes while none runs.
 */
export class BatchedTiming {
  readonly server: SteppedServer;
  readonly #pacer: Pacer;
  readonly #now: () => number;
  readonly #asking = new Map<number, OnToken>();
  #computes = false;

  constructor(server: SteppedServer, pacer: Pacer, now: () => number) {
    this.server = server;
    this.#pacer = pacer;
    this.#now = now;
  }

  /** @returns how to take it back. */
  arrive(promptTokens: number, outputTokens: number, onToken: OnToken): () => void {
    const id = this.server.arrive(promptTokens, outputTokens);
    this.#asking.set(id, onToken);
    if (!this.#computes) this.#begin(this.#now());
    return () => {
      this.server.leave(id);
      this.#asking.delete(id);
    };
  }

  /** @param seconds when the step before ended, or a request came: late timers do not make steps longer. */
  #begin(seconds: number): void {
    const step = this.server.step();
    this.#computes = step !== null;
    if (step === null) return;
    const end = seconds + step.seconds;
    this.#pacer.schedule(end, () => {
      for (const id of step.answered) this.#asking.get(id)?.();
      this.#begin(end);
    });
  }
}
