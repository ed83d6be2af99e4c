import { failed } from '../../../core/errors.js';
import { sparse } from '../../../core/runners/sparse.js';
import { NO_ENGINES } from '../../config.js';
import { kernelsLibrary, missingLibrary } from '../../native/kernel-library.js';
import { probe } from '../llama-cpp/probe.js';
import type { LanguageModel } from '../opened.js';
import { defineRunner, type LanguageModelRequest, type RunnerProbe, type WithOptions } from '../runner.js';
import { loadModel, type SparseOptions } from './load.js';

/** Pruned models without their zeros: our own graphs on llama.cpp's ggml, and our own kernels in them. */
export const sparseRunner = defineRunner<typeof sparse>(sparse, probeSparse, {
  generator: loadModel,
  'language-model': openText,
});

async function openText(request: WithOptions<LanguageModelRequest, SparseOptions>): Promise<LanguageModel> {
  const model = await loadModel({ ...request, sequences: 1 });
  const { facts, warnings, text } = model;
  if (text !== null)
    return { facts, warnings, text, reset: (keep) => model.reset(keep), close: () => model.close() };
  model.close();
  throw failed('model-unsupported', 'the model has no vocabulary, so it cannot be asked about text');
}

/** It needs both: llama.cpp's libraries and ours. */
async function probeSparse(): Promise<RunnerProbe> {
  const found = await probe(NO_ENGINES);
  if (!found.available) return { ...found, kind: 'sparse' };
  if (kernelsLibrary() === null) {
    const { message, hint } = missingLibrary().failure;
    return { available: false, kind: 'sparse', reason: message, hint: hint ?? '' };
  }
  return { ...found, profile: { ...found.profile, kind: 'sparse', devices: ['cpu'] }, notes: [] };
}
