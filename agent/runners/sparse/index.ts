import { kernelsLibrary, missingLibrary } from '../../native/kernel-library.js';
import { probe } from '../llama-cpp/probe.js';
import type { Runner, RunnerProbe } from '../runner.js';
import { loadModel } from './load.js';

/** Pruned models without their zeros: our own graphs on llama.cpp's ggml, and our own kernels in them. */
export const sparseRunner: Runner = { kind: 'sparse', probe: probeSparse, load: loadModel };

/** It needs both: llama.cpp's libraries and ours. */
async function probeSparse(): Promise<RunnerProbe> {
  const found = await probe();
  if (!found.available) return { ...found, kind: 'sparse' };
  if (kernelsLibrary() === null) {
    const { message, hint } = missingLibrary().failure;
    return { available: false, kind: 'sparse', reason: message, hint: hint ?? '' };
  }
  return { ...found, profile: { ...found.profile, kind: 'sparse', devices: ['cpu'] }, notes: [] };
}
