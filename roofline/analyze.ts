import { FailureError } from '../core/errors.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import type { Analysis, ImpossiblePoint } from './analysis/analysis.js';
import { readBits } from './analysis/bits.js';
import { analyzeInCorrectedMode } from './analysis/corrected.js';
import type { AnalysisPoint } from './analysis/point.js';
import { servedBits } from './analysis/prediction.js';
import type { Ceilings } from './ceilings.js';
import { analyzeInLlmViewerMode } from './llm-viewer/mode.js';
import type { Predictor } from './step/predict-stages.js';

/** The things that points name, opened. */
export interface Opened {
  readonly models: ReadonlyMap<string, ModelArchitecture>;
  readonly ceilings: ReadonlyMap<string, Ceilings>;
  /** By `predictorKey`. */
  readonly predictors?: ReadonlyMap<string, Predictor>;
}

/** @returns how measured operators of an engine on a device are found. */
export const predictorKey = (hardware: string, engine: string) => `${engine} on ${hardware}`;

export interface Analyses {
  readonly analyses: readonly Analysis[];
  /** In the order of the points. */
  readonly impossible: readonly ImpossiblePoint[];
}

/** Analyses every point. An impossible point is kept with the reason, and does not stop the others. */
export function analyzeAll(points: readonly AnalysisPoint[], opened: Opened): Analyses {
  const analyses: Analysis[] = [];
  const failed: ImpossiblePoint[] = [];
  for (const point of points) {
    try {
      analyses.push(analyze(point, opened));
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failed.push({ point, reason: error.failure.message, hint: error.failure.hint });
    }
  }
  return { analyses, impossible: failed };
}

/** @throws FailureError with one sentence about what cannot be */
function analyze(point: AnalysisPoint, { models, ceilings, predictors }: Opened): Analysis {
  const architecture = models.get(point.model);
  const bits = readBits(point.bits);
  if (architecture === undefined || !bits.ok)
    throw new Error(`${point.model} or ${point.bits} was not opened`);
  const roofs = ceilings.get(point.hardware);
  if (roofs === undefined) throw new Error(`${point.hardware} was not opened`);
  if (point.engine !== null) servedBits(point);
  if (point.mode === 'llm-viewer')
    return analyzeInLlmViewerMode(point, architecture, bits.value, roofs.memoryBytes);
  const draft = point.draft === null ? null : models.get(point.draft);
  if (draft === undefined) throw new Error(`${point.draft} was not opened`);
  const predictor =
    point.engine === null ? null : predictors?.get(predictorKey(point.hardware, point.engine));
  if (predictor === undefined) throw new Error(`${point.engine} was not opened`);
  return analyzeInCorrectedMode(point, { model: architecture, draft, predictor }, roofs, bits.value);
}
