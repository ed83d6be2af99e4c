import { failed } from '../../../core/errors.js';
import type { PickToken } from '../../../core/quality/sampling.js';
import { untilStop } from '../../../core/quality/until-stop.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { Completion } from '../opened.js';
import { Batch } from './batch.js';
import type { LlamaVocabulary } from './vocabulary.js';

/** A prompt that waits for a lane, or is worked on in one. */
export interface Job {
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly pick: PickToken;
  /** Answers go on to their length whatever the model says. */
  readonly exactLength: boolean;
  readonly resolve: (completion: Completion) => void;
}

/** A sequence of the context: what its cache holds, and the job that it works on. */
interface Lane {
  readonly index: number;
  /** Tokens of its cache, whose job they were; kept when that is over, for prompts that begin alike. */
  tokens: number[];
  job: Job | null;
  /** How much of the prompt was there before. */
  cached: number;
  answer: number[];
  /** The token that the next step reads; null = the prompt is not read yet. */
  next: number | null;
  /** Where in the last batch its logits are; -1 = it had none. */
  output: number;
  begun: number;
  firstToken: number | null;
  usedAt: number;
}

/** Shorter beginnings are computed sooner than looked after. */
const LEAST_SHARED = 8;
/**
 * Tokens of prompts that go into one step beside decoding, so that nobody's next token waits for a whole
 * prompt.
 */
const STEP_TOKENS = 512;

/**
 * Continuous batching over the sequences of one context with a unified cache: each step decodes a token of
 * every answer and reads on in prompts. A prompt that begins like one that was read, or is being read, takes
 * those cells over (`llama_memory_seq_cp` only tags them) and is read from there.
 */
export class Lanes {
  readonly #llama: Llama;
  readonly #context: Pointer;
  readonly #memory: Pointer;
  readonly #vocabulary: LlamaVocabulary;
  readonly #shares: boolean;
  readonly #lanes: readonly Lane[];
  readonly #waiting: Job[] = [];
  readonly #batch: Batch;
  readonly #capacity: number;
  #clock = 0;
  #running: Promise<void> | null = null;
  #stopped: string | null = null;

  /**
   * @param capacity tokens of one batch.
   * @param shares whether prompts take over what others begin with.
   */
  constructor(
    llama: Llama,
    context: Pointer,
    vocabulary: LlamaVocabulary,
    settings: { readonly lanes: number; readonly capacity: number; readonly shares: boolean },
  ) {
    const { lanes, capacity, shares } = settings;
    this.#llama = llama;
    this.#context = context;
    this.#memory = llama.functions.llama_get_memory(context);
    this.#vocabulary = vocabulary;
    this.#shares = shares;
    this.#capacity = capacity;
    this.#batch = new Batch(llama, capacity);
    const unused = { job: null, cached: 0, next: null, output: -1, begun: 0, firstToken: null, usedAt: 0 };
    const lane = (index: number): Lane => ({ index, ...unused, tokens: [], answer: [] });
    this.#lanes = Array.from({ length: lanes }, (_, index) => lane(index));
  }

  add(job: Job): void {
    this.#waiting.push(job);
    this.#wake();
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      // What was asked for between the end of the last step and now.
      if (this.#waiting.length > 0) this.#wake();
    });
  }

  /** Ends what is under way. */
  stop(reason: string): void {
    this.#stopped = reason;
  }

  /** Forgets all prompts that are not being worked on. */
  forget(): void {
    for (const lane of this.#lanes) if (lane.job === null) this.#empty(lane);
  }

  /** When nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  free(): void {
    this.#batch.free();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#lanes.some(({ job }) => job !== null)) {
      // Whoever waits for an answer may ask the next thing now, and it goes into the next step.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#stopped !== null) this.#failAll('unfinished', this.#stopped);
      this.#admit();
      this.#step();
    }
  }

  /** Gives lanes to prompts; one whose beginning is just being read waits for it. */
  #admit(): void {
    for (let i = 0; i < this.#waiting.length; ) {
      const job = this.#waiting[i]!;
      const free = this.#lanes.filter((lane) => lane.job === null);
      if (free.length === 0) return;
      const { source, common } = this.#likest(job.prompt);
      if (source !== null && common > source.tokens.length) i += 1;
      else {
        this.#waiting.splice(i, 1);
        this.#begin(job, free, source, common);
      }
    }
  }

  /** The lane that begins most like a prompt, with what it has yet to read counted in. */
  #likest(prompt: Int32Array): { readonly source: Lane | null; readonly common: number } {
    let best: { source: Lane | null; common: number } = { source: null, common: 0 };
    if (!this.#shares) return best;
    for (const lane of this.#lanes) {
      // Its own last token has to be read, for the logits behind it.
      const most = prompt.length - 1;
      const planned = lane.job === null || lane.next !== null ? lane.tokens : lane.job.prompt;
      let common = 0;
      while (common < most && common < planned.length && planned[common] === prompt[common]) common += 1;
      if (common < LEAST_SHARED || common < best.common) continue;
      const ready = common <= lane.tokens.length;
      // Of two that are alike, the one that is there.
      if (common > best.common || ready) best = { source: lane, common };
    }
    return best;
  }

  #begin(job: Job, free: readonly Lane[], source: Lane | null, common: number): void {
    const { llama_memory_seq_cp, llama_memory_seq_rm } = this.#llama.functions;
    const others = free.filter((lane) => lane !== source);
    const oldest = (lanes: readonly Lane[]) =>
      lanes.reduce<Lane | null>((a, b) => (a === null || b.usedAt < a.usedAt ? b : a), null);
    const lane = oldest(others.filter(({ tokens }) => tokens.length === 0)) ?? oldest(others) ?? source!;
    if (source === null) this.#empty(lane);
    else if (lane === source) llama_memory_seq_rm(this.#memory, lane.index, common, -1);
    else {
      this.#empty(lane);
      llama_memory_seq_cp(this.#memory, source.index, lane.index, 0, common);
      source.usedAt = ++this.#clock;
    }
    Object.assign(lane, {
      tokens: Array.from(job.prompt.subarray(0, source === null ? 0 : common)),
      job,
      cached: source === null ? 0 : common,
      answer: [],
      next: null,
      output: -1,
      begun: monotonicSeconds(),
      firstToken: null,
      usedAt: ++this.#clock,
    });
  }

  #empty(lane: Lane): void {
    if (lane.tokens.length > 0) this.#llama.functions.llama_memory_seq_rm(this.#memory, lane.index, -1, -1);
    lane.tokens = [];
  }

  /** One batch: a token of each answer, then as much of prompts as has room. */
  #step(): void {
    const busy = this.#lanes.filter(({ job }) => job !== null);
    let used = 0;
    const put = (lane: Lane, token: number, output: boolean) => {
      this.#batch.tokens[used] = token;
      this.#batch.positions[used] = lane.tokens.length;
      this.#batch.sequences[used] = lane.index;
      this.#batch.outputs[used] = output ? 1 : 0;
      if (output) lane.output = used;
      lane.tokens.push(token);
      used += 1;
    };
    const before = busy.map(({ tokens }) => tokens.length);
    for (const lane of busy) lane.output = -1;
    for (const lane of busy) if (lane.next !== null) put(lane, lane.next, true);
    for (const lane of busy) {
      if (lane.next !== null) continue;
      const { prompt } = lane.job!;
      const most = Math.min(this.#capacity, Math.max(STEP_TOKENS, used + 1));
      while (used < most && lane.tokens.length < prompt.length)
        put(lane, prompt[lane.tokens.length]!, lane.tokens.length === prompt.length - 1);
    }
    if (used === 0) return;
    this.#batch.value.n_tokens = used;
    const code = this.#llama.functions.llama_decode(this.#context, this.#batch.value);
    for (const [i, lane] of busy.entries()) {
      // Nothing of the batch is in the cache then.
      if (code !== 0) lane.tokens.length = before[i]!;
      else if (lane.output >= 0) this.#take(lane);
    }
    if (code !== 0) this.#refused(code, busy);
  }

  /** Makes room for a batch that found none, or gives one job up. */
  #refused(code: number, busy: readonly Lane[]): void {
    if (code !== 1) {
      const reason = this.#llama.log.errors() ?? `code ${code}`;
      this.#failAll('broken', `llama.cpp could not evaluate a batch: ${reason}.`);
      // What the cache holds of it is not known.
      this.forget();
      return;
    }
    const idle = this.#lanes.filter(({ job, tokens }) => job === null && tokens.length > 0);
    if (idle.length > 0) {
      this.#empty(idle.reduce((a, b) => (b.usedAt < a.usedAt ? b : a)));
      return;
    }
    const last = busy.reduce((a, b) => (b.begun > a.begun ? b : a));
    const tokens = Number(this.#llama.functions.llama_n_ctx(this.#context));
    const full = `The cache of ${tokens} tokens is full: raise cacheTokens, or lower requestsAtOnce.`;
    this.#end(last, 'broken', full);
    this.#empty(last);
  }

  #take(lane: Lane): void {
    const address = this.#llama.functions.llama_get_logits_ith(this.#context, lane.output);
    if (address === null) throw failed('run-failed', 'llama.cpp gave no logits.');
    const { size } = this.#vocabulary;
    const { pick, maxTokens, exactLength, stop } = lane.job!;
    const token = pick(new Float32Array(this.#llama.bytes(address, size * 4)));
    lane.firstToken ??= monotonicSeconds();
    const ends = !exactLength && this.#vocabulary.isEnd(token);
    if (!ends) lane.answer.push(token);
    lane.next = token;
    const stopped = ends || (stop.length > 0 && untilStop(this.#textOf(lane), stop) !== null);
    if (stopped || lane.answer.length >= maxTokens) this.#end(lane, 'complete', null);
  }

  #textOf(lane: Lane): string {
    return this.#vocabulary.detokenize(Int32Array.from(lane.answer));
  }

  #end(lane: Lane, outcome: Completion['outcome'], problem: string | null): void {
    const { job, cached, answer, begun, firstToken } = lane;
    const text = this.#textOf(lane);
    lane.job = null;
    job!.resolve({
      outcome,
      problem,
      text: untilStop(text, job!.stop) ?? text,
      sent: begun,
      firstToken,
      promptTokens: job!.prompt.length,
      cachedTokens: cached,
      outputTokens: answer.length,
    });
  }

  #failAll(outcome: Completion['outcome'], problem: string): void {
    for (const lane of this.#lanes) if (lane.job !== null) this.#end(lane, outcome, problem);
    for (const { resolve, prompt } of this.#waiting.splice(0)) {
      resolve({
        outcome,
        problem,
        text: '',
        sent: null,
        firstToken: null,
        promptTokens: prompt.length,
        cachedTokens: null,
        outputTokens: null,
      });
    }
  }
}
