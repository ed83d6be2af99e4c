import type { BlockCache, Kept } from './cache/block-cache.js';
import { Queue } from './queue.js';
import type { Requests } from './requests.js';

/** A piece of a prompt in a step: a chunk, as a step is timed by it, and whose it is. */
export interface Piece {
  request: number;
  newTokens: number;
  cachedTokens: number;
}

/**
 * What a server has to do and what it holds, between two steps. Schedulers look at it and say by `decode`,
 * `proceed`, `start` and `preempt` what the next step computes; the simulation lets it pass by `finishStep`.
 *
 * Every decoding request gets a token in every step that decodes, so how far each is follows from a counter
 * of such steps, and a step costs nothing for each of them.
 */
export class Batch {
  readonly requests: Requests;
  readonly cache: BlockCache;
  /** Requests that have not started, or gave way. */
  readonly waiting = new Queue();
  /** Requests with a part of their prompt computed, in the order in which they started. */
  readonly partial: number[] = [];
  /** Requests that decode, in the order in which they began to. */
  readonly decoding: number[] = [];
  /** Steps so far that decoded. */
  decodeSteps = 0;
  /** Of the step that is put together. */
  decodes = false;
  readonly pieces: Piece[] = [];
  /** Requests that gave way in it, and tokens that it computes. */
  preempted = 0;
  tokens = 0;
  /** Σ over decoding requests of tokens that they attend to in the next step. */
  contextTokens = 0;
  /** Requests with their prompt computed, whose blocks stay until another server has them. */
  handedOver = 0;
  /** Requests leave once their prompt is computed, and decode elsewhere. */
  readonly #handsOver: boolean;
  /** The least decode step at which an answer is whole. */
  #nextEnd = Number.POSITIVE_INFINITY;
  /** Decoding requests by the step, modulo the tokens of a block, in which they need another block. */
  readonly #needing: Int32Array;
  readonly #running = new Map<number, Running>();
  readonly #pool: Piece[] = [];
  #started = 0;

  constructor(requests: Requests, cache: BlockCache, handsOver = false) {
    this.requests = requests;
    this.cache = cache;
    this.#handsOver = handsOver;
    this.#needing = new Int32Array(cache.blockTokens);
  }

  get running(): number {
    return this.decoding.length + this.partial.length;
  }

  /** Begins to put a step together. */
  begin(): void {
    this.decodes = false;
    this.preempted = 0;
    this.tokens = 0;
    this.pieces.length = 0;
  }

  /** Tokens that have to be in the cache before it has its next token. */
  wantedTokens(request: number): number {
    return this.requests.promptTokens.at(request) + this.answeredTokens(request);
  }

  answeredTokens(request: number): number {
    const { answered, begunAt } = this.requests;
    const running = this.#running.get(request);
    if (running === undefined || !running.decodes) return answered.at(request);
    return answered.at(request) + this.decodeSteps - begunAt.at(request);
  }

  /** @returns tokens that it has here in the end. */
  outputTokens(request: number): number {
    return this.#handsOver ? 1 : this.requests.outputTokens.at(request);
  }

  /** @returns tokens of a waiting request that are in the cache. */
  cachedOf(request: number): number {
    const passages = this.requests.beginningOf(request);
    return passages.length === 0 ? 0 : this.cache.find(passages, this.wantedTokens(request) - 1).tokens;
  }

  /** Tokens of a request in part that are not computed. */
  leftOf(request: number): number {
    const { target, computed } = this.#running.get(request)!;
    return target - computed;
  }

  /** Tokens of a running request that are in the cache. */
  heldTokens(request: number): number {
    const running = this.#running.get(request)!;
    return running.decodes ? this.wantedTokens(request) - 1 : running.computed;
  }

  /** Every decoding request gets a token. @returns whether there are blocks for that. */
  decode(): boolean {
    if (this.decoding.length === 0) return true;
    if (!this.cache.take(this.#needed(1))) return false;
    this.decodes = true;
    this.tokens += this.decoding.length;
    return true;
  }

  /** A request in part gets its next piece. @returns whether there are blocks for it. */
  proceed(request: number, newTokens: number): boolean {
    const running = this.#running.get(request)!;
    if (!this.#grow(running, running.computed + newTokens)) return false;
    this.#compute(request, newTokens, running.computed);
    return true;
  }

  /**
   * @returns whether there are blocks for so many tokens of the first in line, with what it finds in the
   *   cache.
   */
  fits(tokens: number): boolean {
    const request = this.waiting.at(0)!;
    const passages = this.requests.beginningOf(request);
    const hit = passages.length === 0 ? NOTHING : this.cache.find(passages, this.wantedTokens(request) - 1);
    const needed = this.cache.blocksOf(tokens) - this.cache.blocksOf(hit.tokens);
    return needed <= this.cache.available - hit.idleBlocks;
  }

  /**
   * The first in line starts, with so many tokens behind those in the cache.
   * @returns whether there are blocks for them.
   */
  start(newTokens: number): boolean {
    const request = this.waiting.at(0)!;
    const { cachedTokens, preemptions } = this.requests;
    const passages = this.requests.beginningOf(request);
    const target = this.wantedTokens(request);
    const hit = passages.length === 0 ? NOTHING : this.cache.find(passages, target - 1);
    const needed = this.cache.blocksOf(hit.tokens + newTokens) - this.cache.blocksOf(hit.tokens);
    if (needed > this.cache.available - hit.idleBlocks) return false;
    const cached = hit.tokens;
    const kept = cached === 0 ? null : this.cache.hold(passages, cached);
    this.cache.take(needed);
    this.#enter(request, {
      computed: cached,
      target,
      kept,
      shared: this.cache.blocksOf(cached),
      own: needed,
    });
    if (preemptions.at(request) === 0) cachedTokens.set(request, cached);
    this.#compute(request, newTokens, cached);
    return true;
  }

  /**
   * The first in line starts with its own text in the cache up to a token, such as in a slot that it had
   * before.
   */
  startBehind(cachedTokens: number, newTokens: number): boolean {
    const request = this.waiting.at(0)!;
    const own = this.cache.blocksOf(cachedTokens + newTokens);
    if (!this.cache.take(own)) return false;
    const target = this.wantedTokens(request);
    this.#enter(request, { computed: cachedTokens, target, kept: null, shared: 0, own });
    this.requests.cachedTokens.set(request, cachedTokens);
    this.#compute(request, newTokens, cachedTokens);
    return true;
  }

  /** The first in line comes with its prompt computed elsewhere. @returns whether there are blocks for it. */
  join(): boolean {
    const request = this.waiting.at(0)!;
    const target = this.wantedTokens(request) - 1;
    const own = this.cache.blocksOf(target);
    if (!this.cache.take(own)) return false;
    this.#enter(request, { computed: target, target, kept: null, shared: 0, own });
    this.partial.pop();
    this.#decodeFrom(request);
    return true;
  }

  /** @returns the running request that started last; null where none runs. */
  get last(): number | null {
    const [part, decoding] = [this.partial.at(-1), this.decoding.at(-1)];
    if (part === undefined || decoding === undefined) return part ?? decoding ?? null;
    const order = (request: number) => this.#running.get(request)!.order;
    return order(part) > order(decoding) ? part : decoding;
  }

  /** A running request gives its blocks back, and stands in front of the line to be computed again. */
  preempt(request: number): void {
    this.#takeBack(request);
    this.#leave(request);
    this.requests.preemptions.add(request, 1);
    this.preempted += 1;
    this.waiting.pushFront(request);
  }

  /** Another server has its keys and values. */
  release(request: number): void {
    this.handedOver -= 1;
    this.#giveBack(request, true);
  }

  /** Nothing is computed any more: what each request has so far is written down. */
  close(): void {
    const { answered, endsAt } = this.requests;
    for (const request of this.decoding) {
      answered.set(request, this.answeredTokens(request));
      endsAt.set(request, this.decodeSteps);
    }
  }

  /** A request is given up between two steps, wherever it is. @returns whether it ran. */
  drop(request: number): boolean {
    if (this.waiting.remove(request)) return false;
    this.begin();
    this.#leave(request);
    return true;
  }

  /**
   * @param most steps that are asked about.
   * @returns how many steps like this one can follow each other: until an answer is whole, or blocks run out.
   */
  repeats(most: number): number {
    const steps = Math.min(most, this.#nextEnd - this.decodeSteps);
    let room = this.cache.available;
    for (let step = 1; step < steps; step++) {
      room -= this.#needing[(this.decodeSteps + step) % this.#needing.length]!;
      if (room < 0) return step;
    }
    return steps;
  }

  /**
   * Lets the step pass that was put together.
   * @param steps decode steps like it that follow each other.
   * @param ended called with each request whose answer is whole.
   * @param began called with each request that has its first token.
   */
  finishStep(steps: number, began: (request: number) => void, ended: (request: number) => void): void {
    if (this.decodes) {
      if (steps > 1) this.cache.take(this.#needed(steps) - this.#needed(1));
      this.decodeSteps += steps;
      this.contextTokens += steps * this.decoding.length;
    }
    if (this.decodes && this.#nextEnd <= this.decodeSteps) this.#endAnswers(ended);
    for (const { request, newTokens } of this.pieces) {
      const running = this.#running.get(request)!;
      running.computed += newTokens;
      if (running.computed < running.target) continue;
      this.#endPrompt(request, running, began, ended);
    }
  }

  /** What the step was to compute of it. */
  #takeBack(request: number): void {
    const place = this.pieces.findIndex((piece) => piece.request === request);
    if (place >= 0) {
      const [piece] = this.pieces.splice(place, 1);
      this.#pool.splice(place, 1);
      this.#pool.push(piece!);
      this.tokens -= piece!.newTokens;
    }
    const { decodes, phase } = this.#running.get(request)!;
    if (!decodes || !this.decodes) return;
    this.tokens -= 1;
    if (phase === this.decodeSteps % this.#needing.length) this.cache.give(1);
  }

  #endPrompt(
    request: number,
    running: Running,
    began: (request: number) => void,
    ended: (request: number) => void,
  ): void {
    const { answered, outputTokens } = this.requests;
    this.partial.splice(this.partial.indexOf(request), 1);
    this.#keepPrompt(request, running);
    answered.add(request, 1);
    if (this.#handsOver && outputTokens.at(request) > 1) {
      this.handedOver += 1;
      ended(request);
      return;
    }
    began(request);
    this.#decodeFrom(request);
    if (answered.at(request) >= outputTokens.at(request)) {
      this.#endOne(request);
      ended(request);
    }
  }

  #decodeFrom(request: number): void {
    const { answered, begunAt, endsAt, outputTokens } = this.requests;
    const running = this.#running.get(request)!;
    running.decodes = true;
    begunAt.set(request, this.decodeSteps);
    const end = this.decodeSteps + outputTokens.at(request) - answered.at(request);
    endsAt.set(request, end);
    this.#nextEnd = Math.min(this.#nextEnd, end);
    const held = this.wantedTokens(request) - 1;
    this.contextTokens += held + 1;
    this.decoding.push(request);
    const size = this.#needing.length;
    running.phase = (((this.decodeSteps - held) % size) + size) % size;
    this.#needing[running.phase]! += 1;
  }

  #endAnswers(ended: (request: number) => void): void {
    const { endsAt } = this.requests;
    this.#nextEnd = Number.POSITIVE_INFINITY;
    let kept = 0;
    const done: number[] = [];
    for (const request of this.decoding) {
      const end = endsAt.at(request);
      if (end <= this.decodeSteps) done.push(request);
      else {
        this.#nextEnd = Math.min(this.#nextEnd, end);
        this.decoding[kept] = request;
        kept += 1;
      }
    }
    this.decoding.length = kept;
    for (const request of done) {
      this.#giveBack(request, true);
      ended(request);
    }
  }

  #endOne(request: number): void {
    this.decoding.pop();
    this.#giveBack(request, true);
    this.#findNextEnd();
  }

  #findNextEnd(): void {
    this.#nextEnd = Number.POSITIVE_INFINITY;
    for (const request of this.decoding)
      this.#nextEnd = Math.min(this.#nextEnd, this.requests.endsAt.at(request));
  }

  /** Leaves before its answer is whole. */
  #leave(request: number): void {
    const { decodes } = this.#running.get(request)!;
    const list = decodes ? this.decoding : this.partial;
    list.splice(list.lastIndexOf(request), 1);
    this.requests.answered.set(request, this.answeredTokens(request));
    if (decodes) this.requests.breakOff(request, this.decodeSteps);
    this.#giveBack(request, false);
    if (decodes) this.#findNextEnd();
  }

  #giveBack(request: number, whole: boolean): void {
    const running = this.#running.get(request)!;
    const held = this.heldTokens(request);
    if (running.decodes) {
      this.contextTokens -= held + 1;
      this.#needing[running.phase]! -= 1;
      this.requests.answered.set(request, this.answeredTokens(request));
    }
    this.cache.give(this.#ownBlocks(running, held));
    if (whole) {
      const named =
        running.kept !== null && this.cache.endOf(running.kept) >= this.requests.promptTokens.at(request);
      this.cache.keepRest(running.kept, named ? this.requests.answerIdOf(request) : null, held);
    }
    if (running.kept !== null) this.cache.release(running.kept);
    this.#running.delete(request);
  }

  /** Blocks of its own: while it decodes they follow from its tokens. */
  #ownBlocks({ decodes, own, shared }: Running, held: number): number {
    return decodes ? this.cache.blocksOf(held) - shared : own;
  }

  #keepPrompt(request: number, running: Running): void {
    const passages = this.requests.beginningOf(request);
    if (passages.length === 0) return;
    running.kept = this.cache.keep(passages, running.kept);
    const shared = Math.min(
      this.cache.fullBlocks(running.kept),
      Math.floor(running.computed / this.cache.blockTokens),
    );
    if (shared <= running.shared) return;
    this.cache.give(shared - running.shared);
    running.own -= shared - running.shared;
    running.shared = shared;
  }

  #enter(request: number, start: Pick<Running, 'computed' | 'target' | 'kept' | 'shared' | 'own'>): void {
    this.waiting.shift();
    this.#running.set(request, { ...start, decodes: false, phase: 0, order: this.#started++ });
    this.partial.push(request);
  }

  #grow(running: Running, tokens: number): boolean {
    const more = this.cache.blocksOf(tokens) - running.shared - running.own;
    if (more > 0 && !this.cache.take(more)) return false;
    running.own += Math.max(0, more);
    return true;
  }

  #compute(request: number, newTokens: number, cachedTokens: number): void {
    if (newTokens === 0) return;
    this.tokens += newTokens;
    const at = this.pieces.length;
    const piece = this.#pool[at] ?? { request, newTokens, cachedTokens };
    this.#pool[at] = piece;
    piece.request = request;
    piece.newTokens = newTokens;
    piece.cachedTokens = cachedTokens;
    this.pieces.push(piece);
  }

  /** @returns blocks that so many decode steps need. */
  #needed(steps: number): number {
    const size = this.#needing.length;
    let blocks = Math.floor(steps / size) * this.decoding.length;
    for (let step = 0; step < steps % size; step++)
      blocks += this.#needing[(this.decodeSteps + step) % size]!;
    return blocks;
  }
}

interface Running {
  /** Tokens in the cache while its prompt is computed, and how many there are to be. */
  computed: number;
  readonly target: number;
  /** The end of its text that is shared with others, the full blocks up to there, and blocks of its own. */
  kept: Kept | null;
  shared: number;
  own: number;
  decodes: boolean;
  phase: number;
  /** In which requests started. */
  readonly order: number;
}

const NOTHING = { tokens: 0, idleBlocks: 0 };
