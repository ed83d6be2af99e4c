import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Hessian } from '../../core/techniques/pruning/hessian.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { ON_CPU } from '../../engines/runners/observer.js';
import { readMatrix } from '../../formats/tensor-matrix.js';
import { type ComputedOn, computedOn } from '../calibration/place.js';
import type { StatisticsOrigin } from '../calibration/saved.js';
import { calibrationSequences } from '../calibration/sequences.js';
import { visitSaved } from '../calibration/visit-saved.js';
import { walkLayers } from '../calibration/walk.js';
import type { PruneRequest } from './job.js';
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

/** Goes over the chosen layers, with activations where the spec has a calibration. */
export class Walker {
  readonly #sequences: readonly Int32Array[];
  readonly #order: PruneRequest;
  readonly #spec: SparsitySpec;
  readonly #layers: readonly LinearLayer[];
  readonly #onProgress: OnProgress;
  #walks = 0;
  /** Of statistics that were collected before; null = none were used. */
  #collectedOn: ComputedOn | null = null;

  /** Cuts the calibration text. @throws FailureError as `calibrationSequences` does. */
  static async prepare(
    order: PruneRequest,
    spec: SparsitySpec,
    layers: readonly LinearLayer[],
    onProgress: OnProgress,
  ): Promise<Walker> {
    const { calibration } = spec;
    if (calibration === null || order.textPath === null)
      return new Walker([], order, spec, layers, onProgress);
    const sequences = await calibrationSequences({
      modelPath: order.inputPath,
      textPath: order.textPath,
      sequences: calibration.sequences,
      tokens: calibration.tokens,
      windows: { scheme: 'random', seed: calibration.seed },
      place: order.place ?? ON_CPU,
    });
    return new Walker(sequences, order, spec, layers, onProgress);
  }

  private constructor(
    sequences: readonly Int32Array[],
    order: PruneRequest,
    spec: SparsitySpec,
    layers: readonly LinearLayer[],
    onProgress: OnProgress,
  ) {
    this.#sequences = sequences;
    this.#order = order;
    this.#spec = spec;
    this.#layers = layers;
    this.#onProgress = onProgress;
  }

  /** Calibration sequences there are. */
  get sequences(): number {
    return this.#sequences.length;
  }

  get tokens(): number {
    return this.#sequences.reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * Shows every chosen layer once.
   * @param order of a calibration: whether a layer is seen behind what became of those below it.
   * @throws FailureError as `walkLayers` does.
   */
  async walk(order: 'dense' | 'sequential', hessians: boolean, see: SeeLayer): Promise<void> {
    const walks = this.#spec.allocation === 'sensitivity' ? 2 : 1;
    const before = this.#walks++;
    const progress: OnProgress = (done, of) => this.#onProgress(before * of + done, walks * of);
    if (this.#spec.calibration === null) return await this.#walkWeights(see, progress);
    const names = new Set(this.#layers.map(({ name }) => name));
    const wanted = (name: string) => names.has(name);
    const { inputPath: modelPath, statisticsPath, threads, place = ON_CPU } = this.#order;
    if (order === 'dense' && !hessians && statisticsPath !== undefined) {
      const saved = { modelPath, statisticsPath, wanted, onProgress: progress };
      this.#collectedOn = whereOf(await visitSaved(saved, see));
      return;
    }
    const scratchFolder = `${this.#order.outputPath}.walk.draft`;
    try {
      await walkLayers(
        {
          modelPath,
          sequences: this.#sequences,
          order,
          wanted,
          hessians,
          threads,
          place,
          scratchFolder,
          onProgress: progress,
        },
        see,
      );
    } finally {
      await rm(scratchFolder, { recursive: true, force: true });
    }
  }

  async #walkWeights(see: SeeLayer, progress: OnProgress): Promise<void> {
    for (const [i, layer] of this.#layers.entries()) {
      const weights = await readMatrix(layer);
      await see({ name: layer.name, weights, statistics: null, hessian: null, calibrationSeconds: 0 });
      progress(i + 1, this.#layers.length);
    }
  }

  /** Where activations were computed; of a walk that is over. */
  async computedOn(): Promise<ComputedOn> {
    if (this.#spec.calibration === null)
      return {
        computedOn: 'cpu',
        computedOnReason: 'masks are chosen there, and this one asks for no activations',
      };
    return this.#collectedOn ?? (await computedOn(this.#order.place ?? ON_CPU));
  }

  /** What makes a calibration poorer than it was asked to be. */
  warnings(): string[] {
    const { calibration } = this.#spec;
    const { textPath } = this.#order;
    if (calibration === null || textPath === null) return [];
    const short = this.#sequences.length < calibration.sequences;
    return short
      ? [
          `${basename(textPath)} gave ${this.#sequences.length} calibration sequences of ${this.#sequences[0]?.length} tokens, and ${calibration.sequences} were asked for`,
        ]
      : [];
  }
}

function whereOf({ computedOn: on, computedOnReason: reason }: StatisticsOrigin): ComputedOn {
  return { computedOn: on, ...(reason !== undefined && { computedOnReason: reason }) };
}
