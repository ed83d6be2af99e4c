import type { Step } from '../roofline/step/compile.js';
import type { Chunk } from '../roofline/step/setting.js';

/** How vLLM puts steps together, by its own flags. */
export interface SteppedFlags {
  /** `--max-num-batched-tokens`: tokens of a step. */
  readonly maxNumBatchedTokens: number;
  /** `--max-num-seqs`: requests that run at once. */
  readonly maxNumSeqs: number;
}

export interface SteppedServer {
  /** Whose times these are, and how the server is started: a clause. */
  readonly source: string;
  /** Of a prompt and its answer: more have no room in the cache, and are refused. */
  readonly mostTokens: number;
  /** @returns the number by which steps call it. */
  arrive(promptTokens: number, outputTokens: number): number;
  /** Its client is gone. */
  leave(request: number): void;
  /** Puts the next step together and computes it; null where nothing waits or runs. */
  step(): ServerStep | null;
  readonly running: number;
  readonly waiting: number;
}

/** One forward pass, as it is at its end. */
export interface ServerStep {
  readonly seconds: number;
  /** Requests that have one token more. Those that have all of theirs run no longer. */
  readonly answered: readonly number[];
}

interface Request {
  readonly id: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** In the cache. */
  computed: number;
  answered: number;
}

/**
 * vLLM's scheduler on the times of a step, one step after the other: whoever asks keeps the clock. Running
 * requests come first, then those that wait, in the order in which they came, as far as tokens of a step and
 * blocks of the cache reach; prompts are computed in chunks. Where blocks run out, the newest one is
 * preempted, and what it had is computed again (vLLM 0.24, `v1/core/sched/scheduler.py`). It has no prefix
 * cache.
 */
export class SteppedVllm implements SteppedServer {
  readonly source: string;
  readonly mostTokens: number;
  readonly #step: Pick<Step, 'secondsOf'>;
  readonly #blockTokens: number;
  readonly #flags: SteppedFlags;
  #freeBlocks: number;
  #waiting: Request[] = [];
  #running: Request[] = [];
  #arrived = 0;

  /** @param cacheTokens that have room at once. */
  constructor(
    source: string,
    step: Pick<Step, 'secondsOf'>,
    cacheTokens: number,
    blockTokens: number,
    flags: SteppedFlags,
  ) {
    this.source = source;
    this.mostTokens = cacheTokens;
    this.#step = step;
    this.#blockTokens = blockTokens;
    this.#flags = flags;
    this.#freeBlocks = Math.floor(cacheTokens / blockTokens);
  }

  get running(): number {
    return this.#running.length;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  arrive(promptTokens: number, outputTokens: number): number {
    const id = this.#arrived++;
    this.#waiting.push({ id, promptTokens, outputTokens, computed: 0, answered: 0 });
    return id;
  }

  leave(request: number): void {
    const running = this.#running.find(({ id }) => id === request);
    if (running !== undefined) this.#free(running);
    this.#running = this.#running.filter(({ id }) => id !== request);
    this.#waiting = this.#waiting.filter(({ id }) => id !== request);
  }

  step(): ServerStep | null {
    const computing = this.#scheduled();
    if (computing.size === 0) return null;
    const chunks: Chunk[] = [];
    let [decodes, context] = [0, 0];
    for (const [request, newTokens] of computing) {
      if (newTokens === 1 && request.answered > 0) {
        decodes += 1;
        context += request.computed + 1;
      } else chunks.push({ newTokens, cachedTokens: request.computed });
    }
    const seconds = this.#step.secondsOf({
      decodes,
      contextTokens: decodes === 0 ? 0 : context / decodes,
      chunks,
    });
    const answered: number[] = [];
    for (const [request, newTokens] of computing) {
      request.computed += newTokens;
      if (request.computed < wantedOf(request)) continue;
      request.answered += 1;
      answered.push(request.id);
      if (request.answered === request.outputTokens) this.leave(request.id);
    }
    return { seconds, answered };
  }

  /** New tokens of each request that takes part in the next step. */
  #scheduled(): Map<Request, number> {
    const computing = new Map<Request, number>();
    let budget = this.#flags.maxNumBatchedTokens;
    let preempted = false;
    for (let i = 0; i < this.#running.length && budget > 0; i++) {
      const request = this.#running[i]!;
      const newTokens = Math.min(budget, wantedOf(request) - request.computed);
      while (!this.#allocate(request, newTokens)) {
        const last = this.#running.pop()!;
        this.#free(last);
        last.computed = 0;
        this.#waiting.unshift(last);
        preempted = true;
        if (last === request) return computing;
      }
      computing.set(request, newTokens);
      budget -= newTokens;
    }
    while (!preempted && budget > 0 && this.#running.length < this.#flags.maxNumSeqs) {
      const [next] = this.#waiting;
      if (next === undefined) break;
      const newTokens = Math.min(budget, wantedOf(next));
      if (!this.#allocate(next, newTokens)) break;
      this.#waiting.shift();
      this.#running.push(next);
      computing.set(next, newTokens);
      budget -= newTokens;
    }
    return computing;
  }

  #blocksOf(tokens: number): number {
    return Math.ceil(tokens / this.#blockTokens);
  }

  /** @returns whether there are blocks for them. */
  #allocate({ computed }: Request, newTokens: number): boolean {
    const more = this.#blocksOf(computed + newTokens) - this.#blocksOf(computed);
    if (more > this.#freeBlocks) return false;
    this.#freeBlocks -= more;
    return true;
  }

  #free({ computed }: Request): void {
    this.#freeBlocks += this.#blocksOf(computed);
  }
}

/**
 * Tokens that are in the cache before it can answer with one more: a preempted one has answers among them.
 */
const wantedOf = ({ promptTokens, answered }: Request) => promptTokens + answered;
