import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { DsnotSettings } from '../../../core/techniques/pruning/dsnot/settings.js';
import type { PruningEngine } from '../../../core/techniques/pruning/engine.js';
import type { Hessian } from '../../../core/techniques/pruning/hessian.js';
import {
  type Layer,
  type PrunedLayer,
  type PruningMethod,
  pruneLayer,
} from '../../../core/techniques/pruning/layer.js';
import type { Mask } from '../../../core/techniques/pruning/mask.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import type { ScoreName } from '../../../core/techniques/pruning/scores.js';
import { REFERENCE } from '../../support/pruning/engine.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';

/**
 * Masks and weights that the published code made (test/fixtures/dsnot/README.md); another folder of the same
 * format may be named.
 */
const FOLDER = process.env.RIDGEPOINT_GOLDEN_DSNOT ?? join(import.meta.dirname, '../../fixtures/dsnot');

interface Scores {
  readonly out_mse?: number;
  readonly out_rel_fro?: number;
  readonly out_mean_abs_bias?: number;
  readonly mean_abs_row_error?: number;
}

export interface GoldenCase {
  readonly id: string;
  readonly method: 'magnitude_global' | 'magnitude_nm' | 'magnitude_row' | 'wanda' | 'dsnot' | 'sparsegpt';
  readonly regime: 'regular' | 'degenerate' | 'undefined' | 'reference_raises';
  readonly params: {
    readonly sparsity_ratio: number;
    readonly prune_n?: number;
    readonly prune_m?: number;
    readonly initial_method?: ScoreName;
    readonly h_accumulated?: boolean;
    readonly max_cycle_time?: number;
    readonly update_threshold?: number;
    readonly pow_of_var_regrowing?: number;
    readonly without_same_sign?: boolean;
    readonly blocksize?: number;
    readonly percdamp?: number;
  };
  readonly mask?: { readonly sha256?: string; readonly pruned_count: number };
  readonly initial_mask_sha256?: string;
  readonly changed_weights?: number;
  readonly weights_after?: { readonly file: string; readonly tensor: string };
  readonly before?: Scores;
  readonly after?: Scores;
  readonly info?: { readonly cycles: number; readonly accepted_updates: number };
}

interface GoldenLayerEntry {
  readonly layer: string;
  readonly out_features: number;
  readonly in_features: number;
  readonly nsamples: number;
  readonly seqlen: number;
  readonly file: string;
  readonly cases: readonly GoldenCase[];
}

export interface GoldenLayer {
  readonly entry: GoldenLayerEntry;
  /** Weights with the published code's own statistics. */
  readonly layer: Layer;
  /** One Float32Array of tokens · columns per sequence. */
  readonly sequences: readonly Float32Array[];
  readonly inputs: Float32Array;
}

export const manifest = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as {
  layers: readonly GoldenLayerEntry[];
};

type Tensors = ReadonlyMap<string, Float32Array>;

/** Reads a safetensors file of F32 tensors. */
export function readTensors(name: string): Tensors {
  const file = readFileSync(join(FOLDER, name));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    { data_offsets?: [number, number] }
  >;
  return new Map(
    Object.entries(header).flatMap(([tensor, { data_offsets: offsets }]) => {
      if (offsets === undefined) return [];
      const bytes = file.subarray(8 + headerBytes + offsets[0], 8 + headerBytes + offsets[1]);
      return [[tensor, new Float32Array(Uint8Array.from(bytes).buffer)] as const];
    }),
  );
}

export function readLayer(entry: GoldenLayerEntry): GoldenLayer {
  const tensors = readTensors(entry.file);
  const get = (name: string) => tensors.get(name)!;
  const inputs = get('calib');
  const size = entry.seqlen * entry.in_features;
  return {
    entry,
    inputs,
    sequences: Array.from({ length: entry.nsamples }, (_, i) => inputs.subarray(i * size, (i + 1) * size)),
    layer: {
      name: entry.layer,
      weights: { rows: entry.out_features, columns: entry.in_features, values: get('weight') },
      statistics: {
        squaresPerSequence: get('stat.scaler_row'),
        sumPerSequence: get('stat.sum_metric_row'),
        variance: get('stat.var'),
        sequences: entry.nsamples,
        tokens: entry.nsamples * entry.seqlen,
      },
      hessian: null,
    },
  };
}

const hessians = new WeakMap<GoldenLayer, Hessian>();

/** Summed once for all cases of a layer. */
export function hessianOf(golden: GoldenLayer): Hessian {
  let hessian = hessians.get(golden);
  if (hessian === undefined) {
    const accumulator = new HessianAccumulator(golden.entry.in_features);
    for (const sequence of golden.sequences) accumulator.addSequence(sequence);
    hessian = accumulator.hessian();
    hessians.set(golden, hessian);
  }
  return hessian;
}

export function patternOf({ params }: GoldenCase): Pattern {
  return params.prune_n === undefined || params.prune_m === undefined
    ? { kind: 'unstructured', ratio: params.sparsity_ratio }
    : { kind: 'grouped', pruned: params.prune_n, group: params.prune_m };
}

export function settingsOf({ params }: GoldenCase, mode: DsnotSettings['mode']): DsnotSettings {
  return {
    mode,
    maxCycles: params.max_cycle_time!,
    updateThreshold: params.update_threshold!,
    growVariancePower: params.pow_of_var_regrowing!,
    withoutSameSign: params.without_same_sign!,
  };
}

/** Checks every case of a matrix in one test; what fails is named. */
export function each(cases: readonly GoldenCase[], check: (golden: GoldenCase) => void): void {
  for (const golden of cases) {
    try {
      check(golden);
    } catch (error) {
      throw new Error(`${golden.id} (${golden.regime}): ${(error as Error).message}`, { cause: error });
    }
  }
}

export function digest(mask: Mask): string {
  return bytesToHex(sha256(mask.bits));
}

export function methodOf(golden: GoldenCase): PruningMethod {
  switch (golden.method) {
    case 'magnitude_global':
      return { kind: 'magnitude', scope: 'matrix' };
    case 'magnitude_nm':
    case 'magnitude_row':
      return { kind: 'magnitude', scope: 'row' };
    case 'wanda':
      return { kind: 'wanda' };
    case 'sparsegpt':
      return { kind: 'sparsegpt', blockColumns: golden.params.blocksize!, damping: golden.params.percdamp! };
    case 'dsnot':
      return {
        kind: 'dsnot',
        initial: golden.params.initial_method!,
        settings: settingsOf(golden, 'reference'),
      };
  }
}

/** Prunes as the published code did for this case. */
export function prune(
  golden: GoldenCase,
  layer: GoldenLayer,
  engine: PruningEngine = REFERENCE,
): PrunedLayer {
  const { columns } = layer.layer.weights;
  const needsHessian = golden.method === 'sparsegpt' || golden.params.initial_method === 'sparsegpt';
  const hessian = !needsHessian
    ? null
    : golden.params.h_accumulated === false
      ? { columns, values: new Float64Array(columns * columns) }
      : hessianOf(layer);
  return pruneLayer({ ...layer.layer, hessian }, methodOf(golden), patternOf(golden), engine);
}
