import type { Runner } from '../runner.js';
import { loadModel } from './load.js';
import { probe } from './probe.js';

/** llama.cpp through its C interface, from the libraries that node-llama-cpp ships. */
export const llamaCpp: Runner = { kind: 'llama-cpp', probe, load: loadModel };
export { LlamaModel } from './model.js';
export { type Quantized, type QuantizeRequest, quantizeFile } from './quantize.js';
