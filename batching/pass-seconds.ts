import type { Step } from '../roofline/step/compile.js';
import type { Chunk } from '../roofline/step/setting.js';
import type { Batch } from './batch.js';
import type { StepPass } from './schedulers/scheduler.js';

/** What a step asks its times with: one object for all steps. */
interface Asked {
  decodes: number;
  contextTokens: number;
  chunks: readonly Chunk[];
}

/**
 * Times the steps of one server. A step of more tokens than a pass has is several passes: decodes come first,
 * then prompts in their order, cut where a pass is full.
 */
export class PassSeconds {
  readonly #step: Pick<Step, 'secondsOf'>;
  readonly #passTokens: number;
  readonly #asked: Asked = { decodes: 0, contextTokens: 0, chunks: [] };

  constructor(step: Pick<Step, 'secondsOf'>, passTokens: number) {
    this.#step = step;
    this.#passTokens = passTokens;
  }

  /**
   * @param further tokens of context more than in the next step, in the middle of a run of steps.
   * @param passes that the scheduler cuts the step into; null = it leaves that to the order of the batch.
   */
  secondsOf(batch: Batch, further: number, passes: readonly StepPass[] | null = null): number {
    const decodes = batch.decodes ? batch.decoding.length : 0;
    const context = decodes === 0 ? 0 : batch.contextTokens / decodes + further;
    if (passes !== null)
      return passes.reduce((sum, pass) => sum + this.#timed(pass.decodes, context, pass.chunks), 0);
    if (batch.tokens <= this.#passTokens) return this.#timed(decodes, context, batch.pieces);
    return this.#passes(batch, decodes, context);
  }

  #passes(batch: Batch, decodes: number, context: number): number {
    let seconds = 0;
    let [inPass, room] = [Math.min(decodes, this.#passTokens), this.#passTokens];
    for (let left = decodes; left > 0; left -= inPass) {
      inPass = Math.min(left, this.#passTokens);
      room = this.#passTokens - inPass;
      if (room === 0) seconds += this.#timed(inPass, context, []);
    }
    let beside = room === 0 ? 0 : inPass;
    if (room === 0) room = this.#passTokens;
    let chunks: Chunk[] = [];
    for (const { newTokens, cachedTokens } of batch.pieces) {
      for (let done = 0; done < newTokens; ) {
        const part = Math.min(room, newTokens - done);
        chunks.push({ newTokens: part, cachedTokens: cachedTokens + done });
        done += part;
        room -= part;
        if (room > 0) continue;
        seconds += this.#timed(beside, context, chunks);
        [beside, room, chunks] = [0, this.#passTokens, []];
      }
    }
    return beside > 0 || chunks.length > 0 ? seconds + this.#timed(beside, context, chunks) : seconds;
  }

  #timed(decodes: number, context: number, chunks: readonly Chunk[]): number {
    this.#asked.decodes = decodes;
    this.#asked.contextTokens = decodes === 0 ? 0 : context;
    this.#asked.chunks = chunks;
    return this.#step.secondsOf(this.#asked);
  }
}
