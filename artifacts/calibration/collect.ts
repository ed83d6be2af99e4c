import { rmSync } from 'node:fs';
import { failed } from '../../core/errors.js';
import { type ExpertTokens, expertTokens } from '../../core/techniques/expert-tokens.js';
import { tensorOf } from '../../core/techniques/pruning/plan.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import { loadObserver } from '../../engines/runners/index.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { type Linear, linearsOf } from './blocks.js';
import { computedOn, densePassOf, devicesAt } from './place.js';
import { checkedStatistics, endSequence } from './reading.js';
import { type StatisticsOrigin, writeStatistics } from './saved.js';
import { calibrationSequences } from './sequences.js';
import { walkLayers } from './walk.js';

/** Statistics of a whole model to be collected in a child. */
export interface CalibrationJob {
  readonly modelPath: string;
  readonly textPath: string;
  /** Sequences, at most. */
  readonly sequences: number;
  readonly origin: Omit<StatisticsOrigin, 'sequenceTokens' | 'computedOn' | 'computedOnReason'>;
  /** Tokens of a sequence, at most. */
  readonly tokens: number;
  readonly threads: number;
  /** Where the model is run; left out = on the CPU. */
  readonly place?: ObservedPlace;
}

export interface Collected {
  readonly sequences: number;
  readonly tokens: number;
  readonly layers: number;
  /** Whether the model was loaded whole, or a block at a time because it is larger than the memory there. */
  readonly loaded: 'whole' | 'by-block';
  /** Tensors that the engine multiplies nothing with. */
  readonly unseen: readonly string[];
  /** null without experts. */
  readonly experts: ExpertTokens | null;
}

/**
 * Collects statistics of every linear layer and every expert in the model as it is, and writes them.
 * @throws FailureError `engine-missing` without the native kernels, `impossible-combination` for a text that
 *   is too short, `model-unsupported` for activations that are not finite, `disk-full`, `run-failed`.
 */
export async function collectStatistics(
  job: CalibrationJob,
  outputPath: string,
  onProgress?: (done: number, of: number) => void,
): Promise<Collected> {
  requiredKernels();
  const { modelPath, threads, origin } = job;
  const header = readGgufHeader(modelPath);
  const sequences = await calibrationSequences({ ...job, windows: origin.windows });
  const wanted = job.place ?? ON_CPU;
  const { place, whole } = densePassOf(header, wanted, await devicesAt(wanted));
  const common = { modelPath, sequences, threads, place, ...(onProgress && { onProgress }) };
  const linears = linearsOf(header, () => true);
  const layers = whole
    ? await passModel({ ...common, linears })
    : await walkModel({ ...common, scratchFolder: `${outputPath}.scratch` });
  if (layers.size === 0)
    throw failed('model-unsupported', 'it has no linear layers that the engine multiplies with');
  const collectedOf = { ...origin, sequenceTokens: sequences[0]!.length, ...(await computedOn(place)) };
  await writeStatistics(outputPath, { origin: collectedOf, layers });
  const unseen = linears.filter(({ name }) => !layers.has(name)).map(({ name }) => tensorOf(name).tensor);
  return {
    sequences: sequences.length,
    tokens: sequences.reduce((sum, { length }) => sum + length, 0),
    layers: layers.size,
    loaded: whole ? 'whole' : 'by-block',
    unseen: [...new Set(unseen)],
    experts: expertTokens([...layers].map(([name, { tokens }]) => ({ name, tokens }))),
  };
}

async function walkModel(
  request: Omit<Parameters<typeof walkLayers>[0], 'order' | 'wanted' | 'hessians'>,
): Promise<ReadonlyMap<string, ChannelStatistics>> {
  const layers = new Map<string, ChannelStatistics>();
  const dense = { ...request, order: 'dense', wanted: () => true, hessians: false } as const;
  await walkLayers(dense, ({ name, statistics }) => {
    layers.set(name, statistics);
    return null;
  });
  rmSync(request.scratchFolder, { force: true, recursive: true });
  return layers;
}

export interface PassRequest {
  readonly modelPath: string;
  readonly linears: readonly Linear[];
  readonly sequences: readonly Int32Array[];
  readonly threads: number;
  /** Where the model is run; left out = on the CPU. */
  readonly place?: ObservedPlace;
  /** Called after each sequence. */
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * Runs sequences through a whole model, of any type and architecture, and collects statistics of all its
 * layers at once. For a model that fits into the memory of its place; the output matrix is left out.
 * @returns statistics by the names of the weights; those that the engine multiplies nothing with are left
 *   out.
 * @throws FailureError `model-unsupported` when activations are not finite, `run-failed`, `load-failed`.
 */
export async function passModel(request: PassRequest): Promise<ReadonlyMap<string, ChannelStatistics>> {
  const { modelPath, linears, sequences, threads, onProgress } = request;
  const observer = await loadObserver(request.place);
  const collector = await observer.openCollector({ hessians: false, threads });
  try {
    for (const { name, columns } of linears) collector.want(name, columns);
    const tokens = Math.max(...sequences.map(({ length }) => length));
    const model = await observer.openModel({ modelPath, tokens, threads, collector });
    // What comes behind the last block is not computed.
    collector.endAt(observer.blockOutput(linears.at(-1)?.block ?? 0), model.width, 0);
    try {
      for (const [i, sequence] of sequences.entries()) {
        model.run(sequence);
        endSequence(collector);
        onProgress?.(i + 1, sequences.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      model.close();
    }
    const layers = new Map<string, ChannelStatistics>();
    for (const { name } of linears) {
      const statistics = collector.statistics(name);
      if (statistics !== null) layers.set(name, checkedStatistics(name, statistics));
    }
    return layers;
  } finally {
    collector.close();
  }
}
