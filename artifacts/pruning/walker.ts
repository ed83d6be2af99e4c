import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Hessian } from '../../core/techniques/pruning/hessian.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import { readMatrix } from '../../formats/tensor-matrix.js';
import { type ComputedOn, computedOn } from '../calibration/place.js';
import type { StatisticsOrigin } from '../calibration/saved.js';
import { calibrationSequences } from '../calibration/sequences.js';
import { visitSaved } from '../calibration/visit-saved.js';
import { walkLayers } from '../calibration/walk.js';
import type { LinearLayer } from './linear-layers.js';

/** Steps of the work that are done, of how many. */
export type OnProgress = (done: number, of: number) => void;

/** A layer whose turn it is, with what is known of its inputs. */
export interface SeenLayer {
  readonly name: string;
  readonly weights: Matrix;
  /** null without a calibration; of 0 tokens for an expert that none reached. */
  readonly statistics: ChannelStatistics | null;
  /** null unless asked for, and for such an expert. */
  readonly hessian: Hessian | null;
  readonly calibrationSeconds: number;
}

/** @returns whether a calibration has something to say of a layer, or was not asked to. */
export function reached({ statistics }: SeenLayer): boolean {
  return statistics?.tokens !== 0;
}

/** @returns the weights that layers above shall see in its place, or null: as they are. */
export type SeeLayer = (layer: SeenLayer) => Promise<Float32Array | null>;

/** A model whose layers are gone over, and what its copy is made with. */
export interface WalkRequest {
  readonly inputPath: string;
  readonly outputPath: string;
  /** The calibration text; null where none is needed. */
  readonly textPath: string | null;
  /** Statistics of the dense model that were collected before, where they are all that is needed. */
  readonly statisticsPath?: string;
  readonly threads: number;
  /** Where the model is run for activations; left out = on the CPU. */
  readonly place?: ObservedPlace;
}

/** Goes over the chosen layers, with activations where the spec has a calibration. */
export interface Walker {
  /** Calibration sequences there are. */
  readonly sequences: number;
  readonly tokens: number;
  /**
   * Shows every chosen layer once.
   * @param order of a calibration: whether a layer is seen behind what became of those below it.
   * @throws FailureError as `walkLayers` does.
   */
  walk(order: 'dense' | 'sequential', hessians: boolean, see: SeeLayer): Promise<void>;
  /** Where activations were computed; of a walk that is over. */
  computedOn(): Promise<ComputedOn>;
  /** What makes a calibration poorer than it was asked to be. */
  warnings(): string[];
}

/** Cuts the calibration text. @throws FailureError as `calibrationSequences` does. */
export async function prepareWalker(
  request: WalkRequest,
  { calibration, allocation }: Pick<SparsitySpec, 'calibration' | 'allocation'>,
  layers: readonly LinearLayer[],
  onProgress: OnProgress,
): Promise<Walker> {
  const { inputPath: modelPath, textPath, statisticsPath, outputPath, threads, place = ON_CPU } = request;
  const cut = calibration && textPath !== null ? { ...calibration, textPath, place, modelPath } : null;
  const windows = { scheme: 'random', seed: calibration?.seed ?? 0 } as const;
  const sequences = cut === null ? [] : await calibrationSequences({ ...cut, windows });
  let walked = 0;
  /** Of statistics that were collected before; null = none were used. */
  let collectedOn: ComputedOn | null = null;
  return {
    sequences: sequences.length,
    tokens: sequences.reduce((sum, { length }) => sum + length, 0),
    async walk(order, hessians, see) {
      const walks = allocation === 'uniform' ? 1 : 2;
      const before = walked++;
      const progress: OnProgress = (done, of) => onProgress(before * of + done, walks * of);
      if (calibration === null) return await walkWeights(layers, see, progress);
      const names = new Set(layers.map(({ name }) => name));
      const common = { modelPath, wanted: (name: string) => names.has(name), onProgress: progress };
      if (order === 'dense' && !hessians && statisticsPath !== undefined) {
        collectedOn = whereOf(await visitSaved({ ...common, statisticsPath }, see));
        return;
      }
      const scratchFolder = `${outputPath}.walk.draft`;
      try {
        await walkLayers({ ...common, sequences, order, hessians, threads, place, scratchFolder }, see);
      } finally {
        await rm(scratchFolder, { recursive: true, force: true });
      }
    },
    async computedOn() {
      const why = 'masks are chosen there, and this one asks for no activations';
      if (calibration === null) return { computedOn: 'cpu', computedOnReason: why };
      return collectedOn ?? (await computedOn(place));
    },
    warnings() {
      if (cut === null || sequences.length >= cut.sequences) return [];
      const gave = `${sequences.length} calibration sequences of ${sequences[0]?.length} tokens`;
      return [`${basename(cut.textPath)} gave ${gave}, and ${cut.sequences} were asked for`];
    },
  };
}

async function walkWeights(
  layers: readonly LinearLayer[],
  see: SeeLayer,
  progress: OnProgress,
): Promise<void> {
  for (const [i, layer] of layers.entries()) {
    const weights = await readMatrix(layer);
    await see({ name: layer.name, weights, statistics: null, hessian: null, calibrationSeconds: 0 });
    progress(i + 1, layers.length);
  }
}

function whereOf({ computedOn: on, computedOnReason: reason }: StatisticsOrigin): ComputedOn {
  return { computedOn: on, ...(reason !== undefined && { computedOnReason: reason }) };
}
