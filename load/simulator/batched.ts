import { createHash } from 'node:crypto';
import type { Passage } from '../../batching/request.js';
import { aloneRequest } from '../../batching/request.js';
import type { SteppedServer } from '../../batching/stepped-server.js';
import type { Pacer } from '../pacer.js';

/** What becomes of a request, token by token. @param cachedTokens of its prompt. */
type OnToken = (cachedTokens: number) => void;

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
  arrive(prompt: readonly (string | number)[], outputTokens: number, onToken: OnToken): () => void {
    let [id, left]: [number | null, boolean] = [null, false];
    const enter = () => {
      if (left) return;
      const alone = aloneRequest(Math.max(1, prompt.length), outputTokens);
      id = this.server.arrive({ ...alone, beginning: passagesOf(prompt) }, this.#now());
      this.#asking.set(id, onToken);
      if (!this.#computes) this.#begin();
    };
    const { requestSeconds } = this.server;
    if (requestSeconds > 0) this.#pacer.schedule(this.#now() + requestSeconds, enter);
    else enter();
    return () => {
      left = true;
      if (id === null) return;
      this.server.leave(id);
      this.#asking.delete(id);
    };
  }

  /** A step begins when the one before ended, or a request came: late timers do not make steps longer. */
  #begin(): void {
    const step = this.server.step();
    this.#computes = step !== null;
    if (step === null) return;
    this.#pacer.schedule(step.endSeconds, () => {
      for (const id of step.answered) this.#asking.get(id)?.(this.server.cachedTokens(id));
      this.#begin();
    });
  }
}

const PASSAGE_TOKENS = 16;

/** @returns a prompt in short passages; an answer is never known to begin a later prompt. */
function passagesOf(prompt: readonly (string | number)[]): Passage[] {
  const passages: Passage[] = [];
  for (let at = 0; at < prompt.length; at += PASSAGE_TOKENS) {
    const tokens = prompt.slice(at, at + PASSAGE_TOKENS);
    const digest = createHash('sha1').update(JSON.stringify(tokens)).digest();
    passages.push({ id: digest.readUIntBE(0, 6), tokens: tokens.length });
  }
  return passages;
}
