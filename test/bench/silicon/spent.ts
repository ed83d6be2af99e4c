import { drawnRequests, type TokenLoad } from '../../../batching/load.js';
import type { BatchingRun } from '../../../batching/run.js';
import type { BatchingServer } from '../../../batching/server.js';
import { simulateBatching } from '../../../batching/simulate.js';
import type { Lengths } from '../../../core/serving/lengths.js';

/** Clients that each ask again as soon as they are answered. */
export interface ClosedLoop {
  readonly clients: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Lengths are drawn evenly from this share up to 1. */
  readonly shortest: number;
}

/**
 * A time as what it is made of. Which steps there are does not depend on how long they take, for clients ask
 * when they are answered: so times of the host are added afterwards.
 */
export interface Spent {
  readonly deviceSeconds: number;
  readonly steps: number;
  /** Of prompts and of sequences that decode, over the steps. */
  readonly newTokens: number;
}

/** Means over requests: to the first token, and for each one after it. */
export interface LoopTimes {
  readonly first: Spent;
  readonly perToken: Spent;
}

const SEED = 43;

/** @returns what clients of a closed loop send, the opening burst of all of them included. */
export function loadOfLoop({
  clients,
  requests,
  promptTokens,
  answerTokens,
  shortest,
}: ClosedLoop): TokenLoad {
  const lengths = (most: number): Lengths => ({
    kind: 'uniform',
    from: Math.max(1, Math.floor(most * shortest)),
    to: most,
  });
  const drawn = {
    count: requests,
    seed: SEED,
    promptTokens: lengths(promptTokens),
    outputTokens: lengths(answerTokens),
  };
  return {
    requests: { [Symbol.iterator]: () => drawnRequests(drawn) },
    arrival: { kind: 'closed', concurrency: clients },
    seed: SEED,
    maxSeconds: null,
    maxRequests: requests,
    maxConcurrency: null,
    says: `${requests} requests of ${100 * shortest} to 100 % of ${promptTokens} tokens in and ${answerTokens} out, ${clients} at once from the first moment on`,
  };
}

/**
 * Simulates a closed loop step by step.
 * @param server without times of the host.
 */
export function spentIn(load: TokenLoad, server: BatchingServer): LoopTimes {
  const clock = new StepClock(server.step);
  const run = simulateBatching(load, { ...server, step: clock }, undefined, { stepByStep: true });
  if (run.endedEarly !== null) throw new Error(run.endedEarly);
  return clock.timesOf(run);
}

/**
 * Counts steps and the new tokens in them as they are timed, so that any time of a run can be taken apart.
 */
export class StepClock {
  readonly #device: BatchingServer['step'];
  readonly #whole: BatchingServer['step'];
  readonly #ends: number[] = [0];
  readonly #deviceSeconds: number[] = [0];
  readonly #newTokens: number[] = [0];

  /**
   * @param device steps without the host.
   * @param whole steps as they pass on the clock of the run, which never rests; left out = the same.
   */
  constructor(device: BatchingServer['step'], whole = device) {
    this.#device = device;
    this.#whole = whole;
  }

  secondsOf(batch: Parameters<BatchingServer['step']['secondsOf']>[0]): number {
    const seconds = this.#whole.secondsOf(batch);
    const device = this.#whole === this.#device ? seconds : this.#device.secondsOf(batch);
    this.#ends.push(this.#ends.at(-1)! + seconds);
    this.#deviceSeconds.push(this.#deviceSeconds.at(-1)! + device);
    let newTokens = this.#newTokens.at(-1)! + batch.decodes;
    for (const chunk of batch.chunks) newTokens += chunk.newTokens;
    this.#newTokens.push(newTokens);
    return seconds;
  }

  /** @returns what passes between two times of the run, of steps on their way as much as lies between. */
  between(from: number, to: number): Spent {
    const [begin, end] = [this.#until(from), this.#until(to)];
    return {
      deviceSeconds: end.deviceSeconds - begin.deviceSeconds,
      steps: end.steps - begin.steps,
      newTokens: end.newTokens - begin.newTokens,
    };
  }

  timesOf({ requests }: BatchingRun): LoopTimes {
    const [first, perToken] = [nothing(), nothing()];
    for (let i = 0; i < requests.count; i++) {
      const begun = requests.firstToken.at(i);
      add(first, this.between(requests.sent.at(i), begun), requests.count);
      const tokens = requests.outputTokens.at(i) - 1;
      if (tokens > 0) add(perToken, this.between(begun, requests.done.at(i)), tokens * requests.count);
    }
    return { first, perToken };
  }

  #until(seconds: number): Spent {
    const whole = this.#stepsUntil(seconds);
    const next = Math.min(whole + 1, this.#ends.length - 1);
    const [ended, ends] = [this.#ends[whole]!, this.#ends[next]!];
    const share = ends > ended ? Math.max(0, (seconds - ended) / (ends - ended)) : 0;
    const at = (sums: readonly number[]) => sums[whole]! + share * (sums[next]! - sums[whole]!);
    return {
      deviceSeconds: at(this.#deviceSeconds),
      steps: whole + share * (next - whole),
      newTokens: at(this.#newTokens),
    };
  }

  #stepsUntil(seconds: number): number {
    const soon = seconds * (1 + 1e-9);
    let [low, high] = [0, this.#ends.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#ends[middle]! <= soon) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const nothing = () => ({ deviceSeconds: 0, steps: 0, newTokens: 0 });

function add(sum: { -readonly [K in keyof Spent]: number }, one: Spent, parts: number): void {
  sum.deviceSeconds += one.deviceSeconds / parts;
  sum.steps += one.steps / parts;
  sum.newTokens += one.newTokens / parts;
}
