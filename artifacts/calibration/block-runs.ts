import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { failed } from '../../core/errors.js';
import type { Collector } from '../../engines/native/collector.js';
import { loadObserver } from '../../engines/runners/index.js';
import type { Observer } from '../../engines/runners/observer.js';
import type { GgufFile } from '../../formats/gguf/header.js';
import { requireRoom } from '../../formats/whole-file.js';
import type { Linear, WalkPlan } from './blocks.js';
import { endSequence } from './reading.js';
import type { WalkRequest } from './request.js';
import { nameInSlice, replaceInSlice, writeSlice } from './slice.js';
import { EmbeddingRows } from './weights.js';

/**
 * The hidden states of every calibration sequence before one block, in a file: 128 sequences of 2048 tokens are 4 GB in
 * a model of 7 billion weights. One sequence at a time is in memory. Rows of `width` f32 values, one for each token.
 */
class StateFile {
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

/** The engine, the file of one block, and the hidden states of one walk. */
export class BlockRuns {
  readonly #request: WalkRequest;
  readonly #header: GgufFile;
  readonly #plan: WalkPlan;
  readonly #observer: Observer;
  readonly #slicePath: string;
  readonly #steps: number;
  #inputs: StateFile;
  #outputs: StateFile;
  #done = 0;

  static async begin(request: WalkRequest, header: GgufFile, plan: WalkPlan): Promise<BlockRuns> {
    const observer = await loadObserver(request.place);
    mkdirSync(request.scratchFolder, { recursive: true });
    const states = request.sequences.reduce((sum, { length }) => sum + length, 0) * plan.width * 4;
    const block = header.fileBytes / Math.max(1, plan.blocks);
    await requireRoom(request.scratchFolder, 2 * states + 2 * block);
    return new BlockRuns(request, header, plan, observer);
  }

  private constructor(request: WalkRequest, header: GgufFile, plan: WalkPlan, observer: Observer) {
    this.#request = request;
    this.#header = header;
    this.#plan = plan;
    this.#observer = observer;
    const { scratchFolder, sequences } = request;
    const lengths = sequences.map(({ length }) => length);
    this.#slicePath = join(scratchFolder, 'block.gguf');
    this.#inputs = new StateFile(join(scratchFolder, 'states-a'), lengths, plan.width);
    this.#outputs = new StateFile(join(scratchFolder, 'states-b'), lengths, plan.width);
    this.#steps = sequences.length * ((plan.linears.at(-1)?.block ?? -1) + 1);
    const rows = new EmbeddingRows(plan);
    for (const [i, tokens] of sequences.entries()) this.#inputs.write(i, rows.of(tokens));
    rows.close();
  }

  /** Runs a block as it is. @param goesOn whether another block needs its outputs. @returns an open collector. */
  async collect(block: number, linears: readonly Linear[], goesOn: boolean): Promise<Collector> {
    const { architecture, width } = this.#plan;
    const { modelPath } = this.#request;
    await writeSlice(this.#slicePath, { modelPath, header: this.#header, architecture, block, width });
    const collector = await this.#observer.openCollector(this.#request);
    for (const { name, columns } of linears) collector.want(nameInSlice(name), columns);
    try {
      await this.#run(collector, goesOn, () => {
        this.#done++;
        this.#request.onProgress?.(this.#done, this.#steps);
      });
    } catch (error) {
      collector.close();
      throw error;
    }
    return collector;
  }

  /** Puts other weights into the block, in the type that the file has. */
  replace(name: string, weights: Float32Array): void {
    replaceInSlice(this.#slicePath, nameInSlice(name), weights);
  }

  /** Runs the block again: its outputs take the place of the first ones. */
  async again(): Promise<void> {
    const collector = await this.#observer.openCollector(this.#request);
    try {
      await this.#run(collector, true, () => {});
    } finally {
      collector.close();
    }
  }

  /** The outputs become the inputs of the next block. */
  next(): void {
    [this.#inputs, this.#outputs] = [this.#outputs, this.#inputs];
  }

  end(): void {
    this.#inputs.close();
    this.#outputs.close();
    rmSync(this.#slicePath, { force: true });
  }

  async #run(collector: Collector, keep: boolean, onSequence: () => void): Promise<void> {
    const { sequences, threads } = this.#request;
    const tokens = Math.max(...sequences.map(({ length }) => length));
    // The one block of a slice.
    collector.endAt(this.#observer.blockOutput(0), this.#plan.width, keep ? tokens : 0);
    const modelPath = this.#slicePath;
    const model = await this.#observer.openModel({ modelPath, tokens, threads, collector });
    try {
      for (let i = 0; i < sequences.length; i++) {
        model.runStates(this.#inputs.read(i));
        const states = endSequence(collector);
        if (keep) this.#outputs.write(i, states);
        onSequence();
        // Lets messages leave.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      model.close();
    }
  }
}
