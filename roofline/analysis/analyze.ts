import { FailureError } from '../../core/errors.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { Ceilings } from '../ceilings.js';
import type { LlmViewerHardware } from '../llm-viewer/hardware.js';
import type { Analysis, ImpossiblePoint } from './analysis.js';
import { readBits } from './bits.js';
import { analyzeInCorrectedMode } from './corrected.js';
import { impossible } from './impossible.js';
import { analyzeInLlmViewerMode, asLlmViewerModel } from './llm-viewer.js';
import type { AnalysisPoint } from './point.js';

/** The things that points name, opened; null where that mode does not know the device. */
export interface Opened {
  readonly models: ReadonlyMap<string, ModelArchitecture>;
  readonly ceilings: ReadonlyMap<string, Ceilings>;
  readonly llmViewerHardware: ReadonlyMap<string, LlmViewerHardware>;
}

export interface Analyses {
  readonly analyses: readonly Analysis[];
  /** In the order of the points. */
  readonly impossible: readonly ImpossiblePoint[];
}

/** Analyses every point; one that cannot be is kept with the reason, and the others go on. */
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
function analyze(point: AnalysisPoint, { models, ceilings, llmViewerHardware }: Opened): Analysis {
  const architecture = models.get(point.model);
  const bits = readBits(point.bits);
  if (architecture === undefined || !bits.ok)
    throw new Error(`${point.model} or ${point.bits} was not opened`);
  if (point.mode === 'llm-viewer') {
    const hardware = llmViewerHardware.get(point.hardware);
    if (hardware === undefined)
      throw impossible(
        `LLM-Viewer has no device ${JSON.stringify(point.hardware)}`,
        'Use corrected mode, or one of its devices: `ridge roofline --list` shows them.',
      );
    const memory = ceilings.get(point.hardware)?.memoryBytes ?? null;
    return analyzeInLlmViewerMode(point, asLlmViewerModel(architecture), hardware, bits.bits, memory);
  }
  const roofs = ceilings.get(point.hardware);
  if (roofs === undefined) throw new Error(`${point.hardware} was not opened`);
  const draft = point.draft === null ? null : models.get(point.draft);
  if (draft === undefined) throw new Error(`${point.draft} was not opened`);
  return analyzeInCorrectedMode(point, { model: architecture, draft }, roofs, bits.bits);
}
