import { failed } from '../../core/errors.js';
import type { AxisValue } from '../../core/experiment/experiment.js';
import { expertTokens, MORE_TOKENS, unreachedExperts } from '../../core/techniques/expert-tokens.js';
import { decodeFloats, encodeFloats } from '../../core/techniques/float-types.js';
import type { FourBitEngine } from '../../core/techniques/four-bit/engine.js';
import { ggmlBlocks } from '../../core/techniques/four-bit/ggml-blocks.js';
import { quantizeLayer, weightErrors } from '../../core/techniques/four-bit/layer.js';
import { type FourBitSpec, isStored } from '../../core/techniques/four-bit/spec.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import { OutputErrors } from '../../core/techniques/pruning/output-error.js';
import type { LinearLayer } from '../pruning/linear-layers.js';
import type { OverwrittenFile } from '../pruning/pruned-file.js';
import { reached, type SeenLayer } from '../pruning/walker.js';

export interface LayerQuantizerParts {
  readonly spec: FourBitSpec;
  readonly layers: readonly LinearLayer[];
  readonly engine: FourBitEngine & PruningEngine;
  readonly file: OverwrittenFile;
}

/** What was done to one layer, for the report beside the file. */
interface QuantizedLayerReport {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** What its weights are in the file. */
  readonly type: string;
  /** Σ (w − w′)² and Σ w². */
  readonly squaredError: number;
  readonly squaredWeights: number;
  /** ‖(W − W′) X‖ / ‖W X‖ on calibration inputs; null without a calibration. */
  readonly relativeOutputError: number | null;
  readonly calibrationTokens: number | null;
  readonly seconds: number;
}

/** Quantizes layers as they are seen and writes them. */
export class LayerQuantizer {
  readonly reports: QuantizedLayerReport[] = [];
  readonly #parts: LayerQuantizerParts;
  readonly #layers: ReadonlyMap<string, LinearLayer>;

  constructor(parts: LayerQuantizerParts) {
    this.#parts = parts;
    this.#layers = new Map(parts.layers.map((layer) => [layer.name, layer]));
  }

  /** @returns the weights as the file now has them, where layers above are to see them; else null. */
  async quantize(seen: SeenLayer): Promise<Float32Array | null> {
    const { spec, engine, file } = this.#parts;
    const { name, weights, statistics } = seen;
    const hessian = reached(seen) ? seen.hessian : null;
    const began = performance.now();
    const { matrix, weights: quantized } = quantizeLayer({ name, weights, hessian }, spec, engine);
    const seconds = (performance.now() - began) / 1000;
    const { type } = this.#layers.get(name)!;
    const bytes = isStored(spec) ? ggmlBlocks(matrix) : encodeFloats(quantized.values, type);
    await file.write(name, bytes);
    const { error, size } = weightErrors(weights, quantized);
    const errors =
      hessian === null || statistics === null ? null : new OutputErrors(engine, weights, hessian, statistics);
    this.reports.push({
      name,
      rows: weights.rows,
      columns: weights.columns,
      type: isStored(spec) ? spec.type : type,
      squaredError: error,
      squaredWeights: size,
      relativeOutputError: errors?.errorOf(quantized).relative ?? null,
      calibrationTokens: statistics?.tokens ?? null,
      seconds,
    });
    const stored = isStored(spec) ? quantized.values : decodeFloats(bytes, type);
    if (!stored.every(Number.isFinite)) {
      const hint = 'Quantize the bf16 or f32 file, or raise the dampening.';
      throw failed('artifact-failed', `${name}: quantized weights are too large for ${type}`, hint);
    }
    return spec.gptq?.calibration.order === 'sequential' ? stored : null;
  }

  /** What there is to say of all layers together. */
  warnings(): string[] {
    const tokens = this.reports.map((one) => ({ name: one.name, tokens: one.calibrationTokens }));
    const unreached = unreachedExperts(expertTokens(tokens));
    return unreached ? [`${unreached}: their scales were searched for instead; ${MORE_TOKENS}`] : [];
  }

  /** @returns the numbers of the whole model; null where nothing was measured. */
  totals(): Record<string, AxisValue> {
    const sum = (of: (layer: QuantizedLayerReport) => number) =>
      this.reports.reduce((total, layer) => total + of(layer), 0);
    const outputs = this.reports.map((layer) => layer.relativeOutputError).filter((error) => error !== null);
    const size = sum((layer) => layer.squaredWeights);
    return {
      quantizedLayers: this.reports.length,
      quantizedWeights: sum((layer) => layer.rows * layer.columns),
      relativeError: size === 0 ? null : Math.sqrt(sum((layer) => layer.squaredError) / size),
      relativeOutputError:
        outputs.length === 0 ? null : outputs.reduce((total, error) => total + error, 0) / outputs.length,
      quantizationSeconds: sum((layer) => layer.seconds),
    };
  }
}
