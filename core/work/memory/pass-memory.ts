import type { ModelArchitecture } from '../architecture.js';
import { keptBytes } from '../kept.js';
import { vocabularySize } from '../model-size.js';
import { heldLayerBytes } from '../pass/held-weights.js';
import {
  DEFAULT_SETTING,
  logitRowsOf,
  newTokensOf,
  type PassRequest,
  type WorkSetting,
} from '../pass/setting.js';
import { shardOf } from '../pass/sharding.js';
import { depthOf, type Stage, stagesOf } from '../pass/stages.js';
import { type Peak, peakOf } from './liveness.js';
import { layerSteps } from './steps.js';

/** Bytes that one device holds during a pass. */
export interface PassMemory {
  readonly weights: number;
  readonly kvCache: number;
  /** The most that is alive at one time, by the operators of a layer and the logits. */
  readonly activations: number;
  /** Where it is. */
  readonly activationsAt: string;
  readonly bytes: number;
}

/**
 * Counts what a pass holds: all weights of the device's share, the cache at its end, and live activations.
 * With pipeline stages it is the device of the fullest one.
 * @param inFlight batches like this one whose caches are held, while one of them is computed: micro-batches
 *   of a pipeline.
 */
export function passMemory(architecture: ModelArchitecture, request: PassRequest, inFlight = 1): PassMemory {
  const setting: WorkSetting = { ...DEFAULT_SETTING, ...request };
  const shard = shardOf(architecture, setting.parallelism);
  const stages = stagesOf(shard, setting.parallelism.pipeline).map((stage) =>
    stageMemory({ ...shard, layers: stage.layers }, stage, setting, inFlight),
  );
  return stages.reduce((most, stage) => (stage.bytes > most.bytes ? stage : most));
}

function stageMemory(
  shard: ModelArchitecture,
  stage: Stage,
  setting: WorkSetting,
  inFlight: number,
): PassMemory {
  const weights = weightBytes(shard, stage, setting);
  const kvCache = inFlight * cacheBytes(shard, setting);
  const { bytes: activations, at } = liveActivations(shard, setting, stage.last);
  return { weights, kvCache, activations, activationsAt: at, bytes: weights + kvCache + activations };
}

/**
 * @returns the most bytes of activations at one time, in any layer or at the output, where the device has
 *   that.
 */
export function liveActivations(shard: ModelArchitecture, setting: WorkSetting, hasOutput = true): Peak {
  const tokens = newTokensOf(setting.batch);
  const bytes = setting.activationBits / 8;
  const whole = tokens * shard.embedding * bytes;
  const logits = logitRowsOf(setting) * shard.vocabulary * bytes;
  const ends = hasOutput && shard.encoder === undefined;
  const head = ends ? { bytes: whole + logits, at: 'lm_head' } : { bytes: whole, at: 'send' };
  const layers = shard.layers.map((group) =>
    peakOf([
      { name: 'residual', reads: [], writes: [['x', whole]] },
      ...layerSteps(shard, group, setting, tokens),
    ]),
  );
  return layers.reduce((most, peak) => (peak.bytes > most.bytes ? peak : most), head);
}

/** The vocabulary keeps its own bits: quantizers leave it alone, or give it more. */
function weightBytes(shard: ModelArchitecture, stage: Stage, setting: WorkSetting): number {
  const { offloadedLayers } = setting;
  const layers = shard.layers.reduce(
    (sum, group) => sum + group.count * heldLayerBytes(shard, group, setting),
    0,
  );
  // Layers that are kept elsewhere need room for one of them.
  const resident = 1 - offloadedLayers + (offloadedLayers > 0 ? 1 / depthOf(shard.layers) : 0);
  return layers * Math.min(1, resident) + vocabularySize(shard, stage).bytes;
}

function cacheBytes({ layers, encoder }: ModelArchitecture, setting: WorkSetting): number {
  if (encoder !== undefined) return 0;
  return layers.reduce((sum, { count, attention }) => {
    const bytes = setting.batch.reduce(
      (total, { sequences, newTokens, cachedTokens }) =>
        total + sequences * keptBytes(attention, cachedTokens + newTokens, setting),
      0,
    );
    return sum + count * bytes;
  }, 0);
}
