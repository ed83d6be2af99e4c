import type { Hessian } from '../../core/techniques/pruning/hessian.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import type { ObservedPlace } from '../../engines/runners/observer.js';

/** One linear layer with what calibration learned of its inputs. */
export interface CalibratedLayer {
  /** Name of its weights in the file: `blk.3.attn_q.weight`; of an expert as `expertName` says. */
  readonly name: string;
  readonly block: number;
  /** As the file has them, in f32. */
  readonly weights: Matrix;
  /** Of 0 tokens for an expert that none reached. */
  readonly statistics: ChannelStatistics;
  /**
   * null unless asked for, and for such an expert. Memory of the engine: valid until `visit` ends, and not to
   * be written to.
   */
  readonly hessian: Hessian | null;
  /** Its share of the seconds that collecting took in its block. */
  readonly calibrationSeconds: number;
}

/**
 * Sees each wanted layer once, in the order of the blocks and inside a block in the order of the file.
 * @returns the weights that layers above shall see in its place (sequential order), or null: as they are.
 */
export type VisitLayer = (layer: CalibratedLayer) => Promise<Float32Array | null> | Float32Array | null;

export interface WalkRequest {
  /** GGUF file whose blocks have weights in F32, F16 or BF16. */
  readonly modelPath: string;
  /** Token windows, as `calibrationSequences` cuts them from a text. */
  readonly sequences: readonly Int32Array[];
  /** `dense`: inputs of the model as it is. `sequential`: of the layers below as `visit` left them. */
  readonly order: 'dense' | 'sequential';
  /** Which weights are visited, by their names in the file. */
  readonly wanted: (name: string) => boolean;
  /**
   * Whether layers come with their Hessian: 8 · columns² bytes for each input of a block, of experts for each
   * that tokens reached.
   */
  readonly hessians: boolean;
  readonly threads: number;
  /** Where each block is run; left out = on the CPU. */
  readonly place?: ObservedPlace;
  /** Folder for the file of one block and the hidden states of all sequences, twice. Emptied at the end. */
  readonly scratchFolder: string;
  /** Called after each sequence of each block that was run. */
  readonly onProgress?: (done: number, of: number) => void;
}

export interface WalkSummary {
  readonly sequences: number;
  readonly tokens: number;
  /** Linear layers visited. */
  readonly layers: number;
  /** Time by what it went to; `visit` is the caller's own. */
  readonly seconds: {
    readonly collecting: number;
    /** Running blocks again behind their pruned weights. */
    readonly again: number;
    readonly visiting: number;
    readonly total: number;
  };
}
