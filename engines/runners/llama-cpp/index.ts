import type { llamaCpp as description } from '../../../core/runners/llama-cpp.js';
import { llamaCppOptions } from '../../../core/work/llama-cpp-options.js';
import { defineRunner } from '../runner.js';
import { openCompletions } from './completions.js';
import { openEmbedder } from './embedder.js';
import { openEncoder } from './encoder.js';
import { openGreedy } from './greedy.js';
import { loadWithEviction } from './load.js';
import { probe } from './probe.js';
import { openProfiled } from './profiled.js';

/** llama.cpp through its C interface, from the libraries that node-llama-cpp ships. */
export const llamaCpp = defineRunner<typeof description>(
  { kind: 'llama-cpp', options: llamaCppOptions },
  probe,
  {
    generator: (request) => loadWithEviction(request),
    'profiled-generator': openProfiled,
    embedder: (request) => openEmbedder(request),
    'tensor-graph': (request) => openEncoder(request),
    completions: openCompletions,
    'greedy-generator': openGreedy,
    'language-model': (request) => loadWithEviction({ ...request, sequences: 1, wholeCache: true }),
  },
);
export { LlamaModel } from './model.js';
export { observe } from './observer.js';
export { type Quantized, type QuantizeRequest, quantizeFile } from './quantize.js';
