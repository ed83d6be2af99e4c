import { ggml } from '../../../core/runners/ggml.js';
import { NO_ENGINES } from '../../config.js';
import { probe } from '../llama-cpp/probe.js';
import { defineRunner, type RunnerProbe } from '../runner.js';
import { loadModel } from './load.js';

/** Training graphs of our own on the ggml that comes with llama.cpp, on the CPU. */
export const ggmlRunner = defineRunner<typeof ggml>(ggml, probeGgml, { trainer: loadModel });

/** The libraries are llama.cpp's: where these load, graphs can be made. */
async function probeGgml(): Promise<RunnerProbe> {
  const found = await probe(NO_ENGINES);
  if (!found.available) return { ...found, kind: 'ggml' };
  return { ...found, profile: { ...found.profile, kind: 'ggml', devices: ['cpu'] }, notes: [] };
}
