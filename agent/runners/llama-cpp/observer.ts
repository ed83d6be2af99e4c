import { openCollector } from '../../native/collector.js';
import { loadLlama } from '../../native/llama.js';
import type { Observer } from '../observer.js';
import { openModel } from './load.js';
import { LlamaObserved } from './observed.js';
import { readSettings } from './settings.js';
import { LlamaVocabulary } from './vocabulary.js';

/** Loads llama.cpp to be looked into. */
export async function observe(): Promise<Observer> {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  return {
    withVocabulary(modelPath, work) {
      const model = openModel(llama, modelPath, readSettings({}, 1), [], true);
      try {
        return work(new LlamaVocabulary(llama, model));
      } finally {
        llama.functions.llama_model_free(model);
      }
    },
    openCollector: (options) => openCollector(llama, options),
    openModel: (request) => new LlamaObserved(llama, request),
    // llama.cpp src/models: `cb(cur, "l_out", il)`; an architecture that has no node of this name goes on to its end.
    blockOutput: (block) => `l_out-${block}`,
  };
}
