import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type FailureError, failed } from '../../core/errors.js';
import { expertTokens, MORE_TOKENS, unreachedExperts } from '../../core/techniques/expert-tokens.js';
import { decodeFloats, encodeFloats } from '../../core/techniques/float-types.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import { type PrunedLayer, pruneLayer } from '../../core/techniques/pruning/layer.js';
import { applyMask, type Mask } from '../../core/techniques/pruning/mask.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { methodOf, type PruningMethod } from '../../core/techniques/pruning/methods/index.js';
import { magnitudeRow } from '../../core/techniques/pruning/methods/magnitude.js';
import { OutputErrors } from '../../core/techniques/pruning/output-error.js';
import { patternName } from '../../core/techniques/pruning/pattern.js';
import { methodFor, patternFor } from '../../core/techniques/pruning/plan.js';
import type { PrunedLayerReport } from '../../core/techniques/pruning/summary.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import type { LinearLayer } from './linear-layers.js';
import type { OverwrittenFile } from './pruned-file.js';
import { reached, type SeenLayer } from './walker.js';

/** Below this, waiting for the collector costs less memory than asking it costs time. */
const WORTH_BYTES = 16 * 2 ** 20;

let collect: (() => void) | null = null;

/**
 * Frees what is no longer used, where that is a matter of large matrices: V8 sees a few small objects,
 * whatever memory stands behind them, and is in no hurry. Takes some milliseconds.
 * @param bytes of one matrix.
 */
function freeMatrices(bytes: number): void {
  if (bytes < WORTH_BYTES) return;
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  // Memory behind the first is given back in the background; the second waits until that is done.
  collect();
}

export interface LayerPrunerParts {
  readonly spec: SparsitySpec;
  readonly layers: readonly LinearLayer[];
  readonly engine: PruningEngine;
  /** Ratios by layer, where they follow from a measurement. */
  readonly allocated: ReadonlyMap<string, number> | null;
  readonly file: OverwrittenFile;
}

export const seconds = () => performance.now() / 1000;

/**
 * Prunes layers as they are seen and writes them. Beside the dense weights it holds the pruned ones in
 * float32, which become in turn what layers above see, and once more in the file's type.
 */
export class LayerPruner {
  readonly reports: PrunedLayerReport[] = [];
  readonly #parts: LayerPrunerParts;
  #failing = 0;
  #undefined = 0;

  constructor(parts: LayerPrunerParts) {
    this.#parts = parts;
  }

  /** @returns the weights as the file now has them, where layers above are to see them; else null. */
  async prune(seen: SeenLayer): Promise<Float32Array | null> {
    const { spec, engine, allocated, file } = this.#parts;
    const { name, weights } = seen;
    freeMatrices(weights.values.byteLength);
    const pattern = patternFor(name, spec, allocated);
    const known = reached(seen) ? seen : { ...seen, statistics: null, hessian: null };
    const asked = methodFor(name, spec);
    const method = reached(seen) ? asked : withoutActivations(asked);
    const pruned = pruneLayer(known, method, pattern, engine, seconds);
    this.#count(pruned);
    const { type } = this.#parts.layers.find((layer) => layer.name === name)!;
    const bytes = encodeFloats(pruned.weights.values, type);
    const { exchange, refinement } = pruned;
    const errors = errorsOf(engine, known, spec.outputError || refinement !== null);
    const outputErrorAfter = errors?.errorOf(pruned.weights) ?? null;
    const updated = pruned.report.updatedWeights > 0;
    const initialMask = exchange?.initialMask ?? refinement?.initialMask ?? (updated ? pruned.mask : null);
    const before = initialMask && errors?.errorOf(remasked(pruned.weights, weights, initialMask));
    const outputErrorBefore = before ?? outputErrorAfter;
    await file.write(name, bytes);
    this.reports.push({
      name,
      rows: weights.rows,
      columns: weights.columns,
      recipe: `${methodOf(method).nameOf(method)} ${patternName(pattern)}`,
      calibrationTokens: seen.statistics?.tokens ?? null,
      ...pruned.report,
      outputErrorBefore,
      outputErrorAfter,
      exchangeSteps: exchange?.steps ?? null,
      swaps: refinement?.swaps.reduce((sum, swaps) => sum + swaps, 0) ?? null,
      rowsAtMaxSwaps: refinement?.swaps.filter((swaps) => swaps === refinement.maxSwaps).length ?? null,
      outputErrorUnrefined: (refinement && errors?.errorOfSquares(refinement.squaresBefore)) ?? null,
      statisticsSeconds: seen.calibrationSeconds,
      maskSeconds: pruned.maskSeconds,
    });
    const stored = decodeFloats(bytes, type, pruned.weights.values);
    if (!stored.every(Number.isFinite)) throw outOfRange(name, type);
    return spec.calibration?.order === 'sequential' ? stored : null;
  }

  /** What there is to say of the masks of all layers together. */
  warnings(): string[] {
    const { pattern, method } = this.#parts.spec;
    const ratio = pattern.kind === 'unstructured' ? pattern.ratio : null;
    const all = this.reports.length;
    const tokens = this.reports.map((one) => ({ name: one.name, tokens: one.calibrationTokens }));
    const unreached = methodOf(method).calibrates === 'always' && unreachedExperts(expertTokens(tokens));
    const [failing, equal] = [this.#failing, this.#undefined];
    return [
      unreached && `${unreached}: pruned by the magnitude of weights in each row instead; ${MORE_TOKENS}`,
      ratio === 0 && '0% prunes nothing: the weights are those of the dense model',
      ratio === 1 && '100% prunes every weight of the layers: they give nothing but zeros',
      failing > 0 &&
        `the published code would have failed on ${failing} of ${all} layers, whose rows ended instead`,
      equal > 0 && `in ${equal} of ${all} layers the published code’s choice is not defined (equal scores)`,
    ].filter((warning) => typeof warning === 'string');
  }

  #count({ exchange }: PrunedLayer): void {
    if (exchange?.publishedCodeFails === true) this.#failing++;
    if (exchange?.undefinedChoice === true) this.#undefined++;
  }
}

/**
 * Of an expert that no token reached nothing is known but its weights, and a large mixture nearly always has
 * one: refusing it would refuse the model. It gets what Wanda's score is where all inputs are alike, the
 * magnitude in each row.
 */
function withoutActivations(method: PruningMethod): PruningMethod {
  return methodOf(method).needs(method).length === 0 ? method : magnitudeRow.fromSettings();
}

function errorsOf(engine: PruningEngine, seen: SeenLayer, wanted: boolean): OutputErrors | null {
  const { weights, statistics, hessian } = seen;
  if (!wanted || statistics === null || hessian === null) return null;
  return new OutputErrors(engine, weights, hessian, statistics);
}

/** The dense weights under another mask, in the memory of the pruned ones. */
function remasked(pruned: Matrix, dense: Matrix, mask: Mask): Matrix {
  pruned.values.set(dense.values);
  applyMask(pruned, mask);
  return pruned;
}

/** A weight that SparseGPT moved others onto can leave the range of f16. */
function outOfRange(name: string, type: string): FailureError {
  const hint = 'Prune the bf16 or f32 file, or raise the dampening.';
  return failed('artifact-failed', `${name}: updated weights are too large for ${type}`, hint);
}
