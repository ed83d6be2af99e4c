import { loadLlama } from '../../native/llama.js';
import { openModel } from './load.js';
import { readSettings } from './settings.js';
import { LlamaVocabulary } from './vocabulary.js';

/**
 * Opens the vocabulary of a model file without its weights, and does the work with it.
 * @throws FailureError `model-unsupported` for a file without a vocabulary, and with the engine's words.
 */
export async function withVocabulary<T>(
  modelPath: string,
  work: (vocabulary: LlamaVocabulary) => T,
): Promise<T> {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const model = openModel(llama, modelPath, readSettings({}, 1), null, true);
  try {
    return work(new LlamaVocabulary(llama, model));
  } finally {
    llama.functions.llama_model_free(model);
  }
}
