import type { BlockingGenerator, LanguageModel, TextModel } from '../opened.js';
import type { Evictor } from './eviction.js';
import type { LlamaModel } from './model.js';

/**
 * A model whose cache gives tokens up. Prompts, texts and steps reach the engine in pieces that end where the
 * cache is cut. Its cells are as many as a cut needs, so that memory and attention are those of the smaller
 * cache.
 */
export class EvictingModel implements BlockingGenerator, LanguageModel {
  readonly facts: LlamaModel['facts'];
  readonly warnings: readonly string[];
  readonly text: TextModel;
  readonly #model: LlamaModel;
  readonly #evictor: Evictor;
  /** Tokens that each sequence has read: what `reset` reads again once some of them are given up. */
  readonly #read: Int32Array[];

  constructor(model: LlamaModel, evictor: Evictor, sequences: number, contextTokens: number) {
    this.#model = model;
    this.#evictor = evictor;
    this.#read = Array.from({ length: sequences }, () => new Int32Array(0));
    this.facts = { ...model.facts, contextLength: contextTokens };
    this.warnings = model.warnings;
    const { text } = model;
    this.text = {
      beginToken: text.beginToken,
      chat: text.chat,
      tokenize: (...asked) => text.tokenize(...asked),
      detokenize: (tokens) => text.detokenize(tokens),
      isEnd: (token) => text.isEnd(token),
      evaluate: (...asked) => this.#evaluate(...asked),
    };
  }

  reset(keepTokens: number): boolean {
    const kept = this.#read.map((tokens) => tokens.subarray(0, Math.max(0, keepTokens)));
    const isWhole = this.#read.every((tokens, s) => !this.#evictor.hasCut(s, tokens.length));
    this.#model.reset(isWhole ? keepTokens : 0);
    if (isWhole || keepTokens <= 0) {
      for (const [s, tokens] of kept.entries()) {
        this.#evictor.noteKept(s, tokens.length);
        this.#read[s] = tokens;
      }
      return true;
    }
    for (const s of kept.keys()) {
      this.#evictor.noteKept(s, 0);
      this.#read[s] = new Int32Array(0);
    }
    this.prefill(kept);
    return false;
  }

  prefill(tokens: readonly Int32Array[]): void {
    for (const [s, sequence] of tokens.entries()) {
      this.#inPieces(s, sequence, (piece) =>
        this.#model.prefill(tokens.map((_, other) => (other === s ? piece : piece.subarray(0, 0)))),
      );
    }
  }

  steps(tokens: readonly Int32Array[]): Float64Array {
    const ends = new Float64Array(tokens.length);
    for (let done = 0; done < tokens.length; ) {
      const room = Math.min(...this.#read.map((_, s) => this.#evictor.room(s)));
      const piece = tokens.slice(done, done + room);
      ends.set(this.#model.steps(piece), done);
      for (const s of this.#read.keys())
        this.#note(
          s,
          Int32Array.from(piece, (step) => step[s]!),
        );
      done += piece.length;
    }
    return ends;
  }

  logits(sequence: number): Float32Array {
    return this.#model.logits(sequence);
  }

  close(): void {
    this.#model.close();
  }

  #evaluate(tokens: Int32Array, firstWanted: number, visit: Parameters<TextModel['evaluate']>[2]): void {
    let done = 0;
    this.#inPieces(0, tokens, (piece) => {
      const before = done;
      this.#model.text.evaluate(piece, Math.max(0, firstWanted - before), (index, logits) =>
        visit(before + index, logits),
      );
      done += piece.length;
    });
  }

  #inPieces(sequence: number, tokens: Int32Array, read: (piece: Int32Array) => void): void {
    for (let done = 0; done < tokens.length; ) {
      const piece = tokens.subarray(done, done + this.#evictor.room(sequence));
      read(piece);
      this.#note(sequence, piece);
      done += piece.length;
    }
  }

  #note(sequence: number, piece: Int32Array): void {
    const before = this.#read[sequence]!;
    const all = new Int32Array(before.length + piece.length);
    all.set(before);
    all.set(piece, before.length);
    this.#read[sequence] = all;
    this.#evictor.noteRead(sequence, before.length, piece.length);
  }
}
