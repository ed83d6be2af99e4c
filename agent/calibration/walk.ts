import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { type GgufHeader, readGgufHeader } from '../artifacts/gguf/header.js';
import { requireRoom } from '../artifacts/whole-file.js';
import { kernelsLibrary } from '../native/kernel-library.js';
import { type Llama, loadLlama } from '../native/llama.js';
import { ObservedModel } from '../runners/llama-cpp/observed.js';
import { type Linear, planWalk, type WalkPlan } from './blocks.js';
import { type Collector, openCollector } from './collector.js';
import { checkedStatistics, endSequence } from './reading.js';
import type { VisitLayer, WalkRequest, WalkSummary } from './request.js';
import { nameInSlice, writeSlice } from './slice.js';
import { StateFile } from './states.js';
import { EmbeddingRows, readWeights } from './weights.js';

export type { CalibratedLayer, VisitLayer, WalkRequest, WalkSummary } from './request.js';

/** The residual stream behind the one block of a slice (llama.cpp src/models: `cb(cur, "l_out", il)`). */
const OUTPUT_NODE = 'l_out-0';

/**
 * Runs calibration sequences through a model block by block. Each block becomes a small model that is loaded alone, so
 * memory holds one block, the sums over its inputs, and one sequence; hidden states wait in a file. Dense: the outputs
 * of a block as it is go into the next. Sequential: when `visit` gave pruned weights, the block is run again with them
 * (in the type of the file, as they will be stored) and its outputs then go on, as the published code does.
 * Blocks in a child process: native code computes on this thread.
 * @throws FailureError `model-unsupported` for an architecture that cannot be walked, weights that are no floats, or
 * activations that are not finite; `disk-full`, `run-failed`; and whatever `visit` throws.
 */
export async function walkLayers(request: WalkRequest, visit: VisitLayer): Promise<WalkSummary> {
  const began = performance.now();
  const header = readGgufHeader(request.modelPath);
  const plan = planWalk(header, request.wanted);
  const seconds = { collecting: 0, again: 0, visiting: 0, total: 0 };
  const { sequences } = request;
  const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
  const walk = await Walk.begin(request, header, plan);
  try {
    const last = plan.linears.at(-1)?.block ?? -1;
    for (let block = 0; block <= last; block++) {
      const linears = plan.linears.filter((linear) => linear.block === block);
      const collected = await timed(() => walk.collect(block, linears, block < last));
      seconds.collecting += collected.seconds;
      const visited = await timed(() =>
        walk.visit(block, linears, collected.value, collected.seconds, visit),
      );
      seconds.visiting += visited.seconds;
      const behindPruned = request.order === 'sequential' && visited.value.size > 0 && block < last;
      if (behindPruned) seconds.again += (await timed(() => walk.again(block, visited.value))).seconds;
      walk.next();
    }
  } finally {
    walk.end();
  }
  seconds.total = (performance.now() - began) / 1000;
  return {
    sequences: sequences.length,
    tokens,
    layers: plan.linears.length,
    seconds,
    reducer: walk.reducer,
  };
}

/** The files and the engine of one walk. */
class Walk {
  readonly reducer: string;
  readonly #request: WalkRequest;
  readonly #header: GgufHeader;
  readonly #plan: WalkPlan;
  readonly #llama: Llama;
  readonly #slicePath: string;
  readonly #steps: number;
  #inputs: StateFile;
  #outputs: StateFile;
  #done = 0;

  static async begin(request: WalkRequest, header: GgufHeader, plan: WalkPlan): Promise<Walk> {
    const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
    mkdirSync(request.scratchFolder, { recursive: true });
    const states = request.sequences.reduce((sum, { length }) => sum + length, 0) * plan.width * 4;
    const block = header.fileBytes / Math.max(1, plan.blocks);
    await requireRoom(request.scratchFolder, 2 * states + 2 * block);
    return new Walk(request, header, plan, llama);
  }

  private constructor(request: WalkRequest, header: GgufHeader, plan: WalkPlan, llama: Llama) {
    this.#request = request;
    this.#header = header;
    this.#plan = plan;
    this.#llama = llama;
    this.reducer = this.#library === null ? 'portable' : 'native';
    const { scratchFolder, sequences, modelPath } = request;
    const lengths = sequences.map(({ length }) => length);
    this.#slicePath = join(scratchFolder, 'block.gguf');
    this.#inputs = new StateFile(join(scratchFolder, 'states-a'), lengths, plan.width);
    this.#outputs = new StateFile(join(scratchFolder, 'states-b'), lengths, plan.width);
    this.#steps = sequences.length * ((plan.linears.at(-1)?.block ?? -1) + 1);
    const rows = new EmbeddingRows(modelPath, plan);
    for (const [i, tokens] of sequences.entries()) this.#inputs.write(i, rows.of(tokens));
    rows.close();
  }

  /** Runs a block as it is. @param goesOn whether another block needs its outputs. @returns an open collector. */
  async collect(block: number, linears: readonly Linear[], goesOn: boolean): Promise<Collector> {
    await this.#write(block);
    const collector = await openCollector(this.#llama, this.#library, this.#request);
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

  /** Shows the layers of a block. @returns the weights that came back, by name. */
  async visit(
    block: number,
    linears: readonly Linear[],
    collector: Collector,
    collectSeconds: number,
    visit: VisitLayer,
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const pruned = new Map<string, Float32Array>();
    try {
      for (const linear of linears) {
        const { name } = linear;
        const statistics: ChannelStatistics = checkedStatistics(
          name,
          collector.statistics(nameInSlice(name)),
        );
        const weights = await visit({
          name,
          block,
          weights: await readWeights(this.#request.modelPath, linear),
          statistics,
          hessian: collector.hessian(nameInSlice(name)),
          calibrationSeconds: collectSeconds / linears.length,
        });
        if (weights !== null) pruned.set(name, weights);
      }
    } finally {
      collector.close();
    }
    return pruned;
  }

  /** Runs a block again with other weights: its outputs take the place of the first ones. */
  async again(block: number, replaced: ReadonlyMap<string, Float32Array>): Promise<void> {
    await this.#write(block, replaced);
    const collector = await openCollector(this.#llama, this.#library, this.#request);
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

  get #library(): string | null {
    const { library } = this.#request;
    return library === undefined ? kernelsLibrary() : library;
  }

  async #write(block: number, replaced?: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { architecture, width } = this.#plan;
    const { modelPath } = this.#request;
    const header = this.#header;
    await writeSlice(this.#slicePath, {
      modelPath,
      header,
      architecture,
      block,
      width,
      ...(replaced === undefined ? {} : { replaced }),
    });
  }

  async #run(collector: Collector, keep: boolean, onSequence: () => void): Promise<void> {
    const { sequences, threads } = this.#request;
    const tokens = Math.max(...sequences.map(({ length }) => length));
    collector.endAt(OUTPUT_NODE, this.#plan.width, keep ? tokens : 0);
    const modelPath = this.#slicePath;
    const model = new ObservedModel(this.#llama, { modelPath, tokens, threads, collector });
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

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const began = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - began) / 1000 };
}
