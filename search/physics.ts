import type { ExperimentContent } from '../core/experiment/experiment.js';
import { knownFacts } from '../core/experiment/known-facts.js';
import { readOptions } from '../core/experiment/options.js';
import { predictedBytes } from '../core/runners/index.js';
import { predictWeights } from '../core/techniques/predicted-weights.js';
import { predictKvCache } from '../core/work/kv-cache.js';
import { predictableWork } from '../core/work/latency.js';
import { cacheOptions } from '../core/work/llama-cpp-options.js';

/**
 * Quantities of a point that are known before it is measured. They are logarithms, so that a cost that is
 * proportional to one of them is linear in it: bytes that a decode step reads (weights once, the cache at its
 * middle length), FLOPs of the prefill (two for each parameter and token), bytes on the device, bits for each
 * weight. No roof of any machine is needed, since the effect of each quantity is learned from measurements.
 * @returns null if too little is known about the model.
 */
export function physicsOf(content: ExperimentContent): number[] | null {
  if (content.model.facts === null) return null;
  const facts = knownFacts(content.model.facts);
  if (facts === null) return null;
  const { technique, runner, workload } = content;
  const { promptTokens, generateTokens, sequences, contextDepth } = predictableWork(workload);
  const weights = predictWeights(facts, technique.quantization);
  const perSequence = Math.max(1, Math.round(contextDepth + promptTokens + generateTokens / 2));
  const options = readOptions(cacheOptions, runner.options);
  const cache = predictKvCache(facts, technique.attention, options, { perSequence, sequences });
  const bytes = predictedBytes({ facts: content.model.facts, experiment: content });
  return [
    Math.log(weights + cache),
    Math.log(2 * facts.parameters * Math.max(1, promptTokens) * sequences),
    Math.log(bytes ?? weights + cache),
    Math.log((8 * weights) / facts.parameters),
    Math.log(threadsOf(runner)),
  ];
}

/** If the engine chooses the number itself, it is the same for all points. */
function threadsOf({ options: { threads } }: ExperimentContent['runner']): number {
  return typeof threads === 'number' ? threads : 1;
}
