import { FailureError } from '../core/errors.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import type { Analysis, ImpossiblePoint } from './analysis/analysis.js';
import { readBits } from './analysis/bits.js';
import { analyzeInCorrectedMode } from './analysis/corrected.js';
import type { AnalysisPoint } from './analysis/point.js';
import type { Ceilings } from './ceilings.js';
import { analyzeInLlmViewerMode } from './llm-viewer/mode.js';

/** The things that points name, opened. */
export interface Opened {
  readonly models: ReadonlyMap<string, ModelArchitecture>;
  readonly ceilings: ReadonlyMap<string, Ceilings>;
}

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

/** @throws FailureError with one sentence about what is impossible */
function analyze(point: AnalysisPoint, { models, ceilings }: Opened): Analysis {
  const architecture = models.get(point.model);
  const bits = readBits(point.bits);
  if (architecture === undefined || !bits.ok)
    throw new Error(`${point.model} or ${point.bits} was not opened`);
  const roofs = ceilings.get(point.hardware);
  if (roofs === undefined) throw new Error(`${point.hardware} was not opened`);
  if (point.mode === 'llm-viewer')
    return analyzeInLlmViewerMode(point, architecture, bits.value, roofs.memoryBytes);
  const draft = point.draft === null ? null : models.get(point.draft);
  if (draft === undefined) throw new Error(`${point.draft} was not opened`);
  return analyzeInCorrectedMode(point, { model: architecture, draft }, roofs, bits.value);
}
