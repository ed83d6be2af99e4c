import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { failed } from '../../core/errors.js';
import type { Collector } from '../../engines/native/collector.js';
import { loadObserver } from '../../engines/runners/index.js';
import type { GgufFile } from '../../formats/gguf/header.js';
import { requireRoom } from '../../formats/whole-file.js';
import type { Linear, WalkPlan } from './blocks.js';
import { endSequence } from './reading.js';
import type { WalkRequest } from './request.js';
import { nameInSlice, replaceInSlice, writeSlice } from './slice.js';
import { embeddingRows } from './weights.js';

/**
 * The hidden states of every calibration sequence before one block, in a file: 128 sequences of 2048 tokens
 * are 4 GB in a model of 7 billion weights. One sequence at a time is in memory. Rows of `width` f32 values,
 * one for each token.
 */
interface StateFile {
  /** @returns the rows of a sequence that was written. */
  read(sequence: number): Float32Array;
  write(sequence: number, states: Float32Array): void;
  /** Removes the file. */
  close(): void;
}

/** @param tokens of each sequence. @throws FailureError `disk-full`; errors of open(2) as they are. */
function stateFile(path: string, tokens: readonly number[], width: number): StateFile {
  const lengths = tokens.map((count) => count * width);
  let end = 0;
  /** Where each sequence begins, in bytes. */
  const offsets = lengths.map((length) => {
    end += length * 4;
    return end - length * 4;
  });
  const file = openSync(path, 'w+');
  return {
    read(sequence) {
      const states = new Float32Array(lengths[sequence]!);
      const bytes = new Uint8Array(states.buffer);
      for (let at = 0; at < bytes.length; ) {
        const got = readSync(file, bytes, at, bytes.length - at, offsets[sequence]! + at);
        if (got === 0) throw new Error(`sequence ${sequence} was never written to ${path}`);
        at += got;
      }
      return states;
    },
    write(sequence, states) {
      const counts = `${states.length} values instead of ${lengths[sequence]}`;
      if (states.length !== lengths[sequence])
        throw new Error(`a block gave ${counts} for sequence ${sequence}`);
      const bytes = new Uint8Array(states.buffer, states.byteOffset, states.byteLength);
      try {
        for (let at = 0; at < bytes.length; )
          at += writeSync(file, bytes, at, bytes.length - at, offsets[sequence]! + at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        const message = 'the disk filled up with the hidden states of calibration sequences';
        const hint = 'Free some space, point cacheFolder to a larger disk, or use fewer sequences.';
        throw failed('disk-full', message, hint, { cause: error });
      }
    },
    close() {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}

/** The engine, the file of one block, and the hidden states of one walk. */
export interface BlockRuns {
  /**
   * Runs a block as it is. @param goesOn whether another block needs its outputs. @returns an open collector.
   */
  collect(block: number, linears: readonly Linear[], goesOn: boolean): Promise<Collector>;
  /** Puts other weights into the block, in the type that the file has. */
  replace(name: string, weights: Float32Array): void;
  /** Runs the block again: its outputs take the place of the first ones. */
  rerun(): Promise<void>;
  /** The outputs become the inputs of the next block. */
  advance(): void;
  end(): void;
}

export async function blockRuns(request: WalkRequest, header: GgufFile, plan: WalkPlan): Promise<BlockRuns> {
  const { scratchFolder, sequences, threads, onProgress } = request;
  const { architecture, width, blocks } = plan;
  const observer = await loadObserver(request.place);
  mkdirSync(scratchFolder, { recursive: true });
  const lengths = sequences.map(({ length }) => length);
  const states = lengths.reduce((sum, length) => sum + length, 0) * width * 4;
  await requireRoom(scratchFolder, 2 * states + (2 * header.fileBytes) / Math.max(1, blocks));
  const slicePath = join(scratchFolder, 'block.gguf');
  let inputs = stateFile(join(scratchFolder, 'states-a'), lengths, width);
  let outputs = stateFile(join(scratchFolder, 'states-b'), lengths, width);
  const steps = sequences.length * ((plan.linears.at(-1)?.block ?? -1) + 1);
  let done = 0;
  const rows = embeddingRows(plan);
  for (const [i, tokens] of sequences.entries()) inputs.write(i, rows.embeddingsOf(tokens));
  rows.close();
  const run = async (collector: Collector, keep: boolean, onSequence = () => {}): Promise<void> => {
    const tokens = Math.max(...lengths);
    // The one block of a slice.
    collector.endAt(observer.blockOutput(0), width, keep ? tokens : 0);
    const model = await observer.openModel({ modelPath: slicePath, tokens, threads, collector });
    try {
      for (let i = 0; i < sequences.length; i++) {
        model.runStates(inputs.read(i));
        const after = endSequence(collector);
        if (keep) outputs.write(i, after);
        onSequence();
        // Lets messages leave.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      model.close();
    }
  };
  return {
    async collect(block, linears, goesOn) {
      const { modelPath } = request;
      await writeSlice(slicePath, { modelPath, header, architecture, block, width });
      const collector = await observer.openCollector(request);
      for (const { name, columns } of linears) collector.want(nameInSlice(name), columns);
      const onSequence = () => onProgress?.(++done, steps);
      await run(collector, goesOn, onSequence).catch((error) => {
        collector.close();
        throw error;
      });
      return collector;
    },
    replace: (name, weights) => replaceInSlice(slicePath, nameInSlice(name), weights),
    async rerun() {
      const collector = await observer.openCollector(request);
      await run(collector, true).finally(() => collector.close());
    },
    advance() {
      [inputs, outputs] = [outputs, inputs];
    },
    end() {
      inputs.close();
      outputs.close();
      rmSync(slicePath, { force: true });
    },
  };
}
