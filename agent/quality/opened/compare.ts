import type { Divergence } from '../../../core/quality/divergence.js';
import type { WindowRequest } from '../../../core/quality/windows.js';
import {
  type LanguageModel,
  openLanguageModel,
  type QualityModel,
  requireSameVocabulary,
} from '../asking/language-model.js';
import { cutText, measureDivergence } from '../asking/text.js';
import type { Watch } from '../watch.js';

/** Two models that should say the same, and a text to ask them about. */
export interface CompareJob {
  readonly base: QualityModel;
  readonly model: QualityModel;
  readonly path: string;
  readonly windows: WindowRequest;
}

export interface Comparison {
  readonly windows: number;
  /** Largest difference of two logits. */
  readonly largestDifference: number;
  /** Σ (a − b)² / Σ a² over all logits of the base and the model. */
  readonly normalizedSquaredError: number;
  /** Standard deviation of the base's logits: what differences are to be held against. */
  readonly logitSpread: number;
  readonly divergence: Divergence;
}

/**
 * Runs two models over the same windows and compares their logits as they are.
 * @throws FailureError as measureQuality does.
 */
export async function compareLogits(job: CompareJob, watch: Watch): Promise<Comparison> {
  const contextTokens = job.windows.context;
  const open: LanguageModel[] = [];
  try {
    const base = await openLanguageModel({ ...job.base, contextTokens });
    open.push(base);
    const model = await openLanguageModel({ ...job.model, contextTokens });
    open.push(model);
    const request = { path: job.path, windows: job.windows, basePrecision: 'exact' } as const;
    const { tokens, windows, sample } = cutText(base, request);
    requireSameVocabulary(base, model, sample);
    const sums = { largest: 0, error: 0, squares: 0, sum: 0, count: 0 };
    const look = (a: Float32Array, b: Float32Array) => {
      for (let i = 0; i < a.length; i++) {
        const difference = Math.abs(a[i]! - b[i]!);
        if (difference > sums.largest) sums.largest = difference;
        sums.error += difference * difference;
        sums.squares += a[i]! * a[i]!;
        sums.sum += a[i]!;
      }
      sums.count += a.length;
    };
    const text = { tokens, windows, precision: 'exact' } as const;
    const divergence = await measureDivergence(base, model, text, watch, look);
    const mean = sums.sum / sums.count;
    return {
      windows: windows.length,
      largestDifference: sums.largest,
      normalizedSquaredError: sums.squares > 0 ? sums.error / sums.squares : 0,
      logitSpread: Math.sqrt(Math.max(0, sums.squares / sums.count - mean * mean)),
      divergence,
    };
  } finally {
    for (const model of open) model.close();
  }
}
