import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { failed } from '../../core/errors.js';

/**
 * The hidden states of every calibration sequence before one block, in a file: 128 sequences of 2048 tokens are 4 GB in
 * a model of 7 billion weights. One sequence at a time is in memory. Rows of `width` f32 values, one for each token.
 */
export class StateFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #lengths: readonly number[];
  /** Where each sequence begins, in bytes. */
  readonly #offsets: readonly number[];

  /** @param tokens of each sequence. @throws FailureError `disk-full`; errors of open(2) as they are. */
  constructor(path: string, tokens: readonly number[], width: number) {
    this.#path = path;
    this.#lengths = tokens.map((count) => count * width);
    let end = 0;
    this.#offsets = this.#lengths.map((length) => {
      end += length * 4;
      return end - length * 4;
    });
    this.#descriptor = openSync(path, 'w+');
  }

  /** @returns the rows of a sequence that was written. */
  read(sequence: number): Float32Array {
    const states = new Float32Array(this.#lengths[sequence]!);
    const bytes = new Uint8Array(states.buffer);
    for (let at = 0; at < bytes.length; ) {
      const position = this.#offsets[sequence]! + at;
      const got = readSync(this.#descriptor, bytes, at, bytes.length - at, position);
      if (got === 0) throw new Error(`sequence ${sequence} was never written to ${this.#path}`);
      at += got;
    }
    return states;
  }

  write(sequence: number, states: Float32Array): void {
    if (states.length !== this.#lengths[sequence]) {
      const counts = `${states.length} values instead of ${this.#lengths[sequence]}`;
      throw new Error(`a block gave ${counts} for sequence ${sequence}`);
    }
    const bytes = new Uint8Array(states.buffer, states.byteOffset, states.byteLength);
    try {
      for (let at = 0; at < bytes.length; ) {
        const position = this.#offsets[sequence]! + at;
        at += writeSync(this.#descriptor, bytes, at, bytes.length - at, position);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      const message = 'the disk filled up with the hidden states of calibration sequences';
      const hint = 'Free some space, point cacheFolder to a larger disk, or use fewer sequences.';
      throw failed('disk-full', message, hint, { cause: error });
    }
  }

  /** Removes the file. */
  close(): void {
    closeSync(this.#descriptor);
    rmSync(this.#path, { force: true });
  }
}
