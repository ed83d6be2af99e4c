import { analyzeAsLlmViewer } from './analyze.js';
import type { LlmViewerHardware } from './hardware.js';
import type { LlmViewerModel } from './model.js';
import type { LlmViewerSetting } from './setting.js';

/** Seconds to answer a batch of prompts. */
export interface Generation {
  readonly prefillSeconds: number;
  readonly seconds: number;
}

/**
 * LLM-Viewer's `analyze_generate_task`: the prefill of `sequence` tokens, and a decode step for each token, the first at the
 * context of the prompt alone.
 */
export function generateAsLlmViewer(
  model: LlmViewerModel,
  hardware: LlmViewerHardware,
  setting: LlmViewerSetting,
  generateTokens: number,
): Generation {
  const prefillSeconds = analyzeAsLlmViewer(model, hardware, setting).prefill.totals.seconds;
  let seconds = prefillSeconds;
  for (let token = 0; token < generateTokens; token++) {
    const at = { ...setting, sequence: setting.sequence + token };
    seconds += analyzeAsLlmViewer(model, hardware, at).decode.totals.seconds;
  }
  return { prefillSeconds, seconds };
}
