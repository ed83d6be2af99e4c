import { growingFloats, growingIntegers } from './growing.js';
import type { TokenRequest } from './request.js';

/** Tokens that a request had without a break: one at a time, and then one with each step that decoded. */
export interface Stretch {
  /** NaN = it had none at its begin, for it came from another server with its prompt computed. */
  readonly begun: number;
  readonly begunAt: number;
  readonly endsAt: number;
}

/** Requests of a run by their number, without an object for each. Seconds are NaN for what never came. */
export class Requests {
  readonly promptTokens = growingIntegers();
  readonly outputTokens = growingIntegers();
  readonly conversation = growingIntegers();
  readonly turn = growingIntegers();
  /** When it was meant to start, when it was sent, and when the engine had it. */
  readonly intended = growingFloats();
  readonly sent = growingFloats();
  readonly arrived = growingFloats();
  /** When the server that has it now had it. */
  readonly reached = growingFloats();
  /** When it first took part in a step, and the end of the steps that gave its first and last token. */
  readonly scheduled = growingFloats();
  readonly firstToken = growingFloats();
  readonly done = growingFloats();
  /** Prompt tokens that were in the cache when it first started. */
  readonly cachedTokens = growingIntegers();
  readonly preemptions = growingIntegers();
  /** The server that it went to; -1 = refused. */
  readonly server = growingIntegers();
  /** Tokens of its answer so far; while it decodes, as many as it had when it began to. */
  readonly answered = growingIntegers();
  /** Decode steps of its server at which it began to decode last, and at which its answer is whole. */
  readonly begunAt = growingFloats();
  readonly endsAt = growingFloats();
  /** When it had its first token since it started last. */
  readonly begun = growingFloats();
  /** Of requests that gave way: what they had before. */
  readonly #stretches = new Map<number, Stretch[]>();
  /**
   * What makes hits of caches; only of requests that begin like others, or whose answers others begin with.
   */
  readonly #texts = new Map<number, TokenRequest>();

  get count(): number {
    return this.promptTokens.length;
  }

  add(request: TokenRequest, intended: number, sent: number, arrived: number): number {
    const { promptTokens, outputTokens, conversation, turn } = request;
    const id = this.count;
    this.promptTokens.push(promptTokens);
    this.outputTokens.push(outputTokens);
    this.conversation.push(conversation ?? -1);
    this.turn.push(turn);
    this.intended.push(intended);
    this.sent.push(sent);
    this.arrived.push(arrived);
    this.reached.push(arrived);
    for (const times of [this.scheduled, this.firstToken, this.done, this.begun]) times.push(Number.NaN);
    for (const counts of [this.cachedTokens, this.preemptions, this.answered]) counts.push(0);
    this.server.push(-1);
    this.begunAt.push(0);
    this.endsAt.push(0);
    if (request.beginning.length > 0 || request.answerId !== null) this.#texts.set(id, request);
    return id;
  }

  beginningOf(request: number): TokenRequest['beginning'] {
    return this.#texts.get(request)?.beginning ?? [];
  }

  answerIdOf(request: number): number | null {
    return this.#texts.get(request)?.answerId ?? null;
  }

  /** It has the first token since it started last. */
  beginStretch(request: number, seconds: number): void {
    this.begun.set(request, seconds);
    if (Number.isNaN(this.firstToken.at(request))) this.firstToken.set(request, seconds);
  }

  /** It gives way while it decodes. @param decodeSteps of its server so far. */
  breakOff(request: number, decodeSteps: number): void {
    const known = this.#stretches.get(request) ?? [];
    known.push({ begun: this.begun.at(request), begunAt: this.begunAt.at(request), endsAt: decodeSteps });
    this.#stretches.set(request, known);
    this.begun.set(request, Number.NaN);
    this.begunAt.set(request, decodeSteps);
    this.endsAt.set(request, decodeSteps);
  }

  /** @returns all its stretches, the last one up to the end of its answer or of the run. */
  stretchesOf(request: number): readonly Stretch[] {
    const [begun, begunAt, endsAt] = [this.begun, this.begunAt, this.endsAt].map((times) =>
      times.at(request),
    );
    return [...(this.#stretches.get(request) ?? []), { begun: begun!, begunAt: begunAt!, endsAt: endsAt! }];
  }

  /** Nobody asks for its texts again. */
  forgetTexts(request: number): void {
    this.#texts.delete(request);
  }
}
