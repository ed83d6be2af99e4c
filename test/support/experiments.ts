import type { AxisValue, Experiment, MeasurePolicy } from '../../core/experiment/experiment.js';
import type { KnownFacts } from '../../core/experiment/known-facts.js';
import { UNCHANGED } from '../../core/techniques/index.js';

/** Experiments as expansion makes them, for tests that need some without parsing a sweep. */

export const PARAMETERS = 1_235_814_400;

/** As a sweep has it that says nothing, without a limit of time. */
export const POLICY: MeasurePolicy = {
  confidence: 0.95,
  halfWidth: 0.02,
  minRepeats: 3,
  maxRepeats: 10,
  maxSeconds: null,
  warmupSpread: 0.05,
  maxWarmups: 5,
  trialTimeoutSeconds: null,
  maxStealRatio: 0.01,
  maxForeignCores: 0.1,
  maxCoreLatencyRatio: 1.5,
  maxSpread: 0.1,
  gates: 'warn',
  meters: 'on',
  energyWindows: 3,
  gridGramsPerKilowattHour: null,
  profile: 'off',
};

/** Facts of the shipped model `small`, f16. */
export const SMALL_FACTS: KnownFacts = {
  format: 'gguf',
  architecture: 'llama',
  parameters: 8_394_000,
  bytes: 16_891_488,
  quantization: 'f16',
  layers: 8,
  contextLength: 512,
  keyElementsPerToken: 8 * 2 * 64,
  valueElementsPerToken: 8 * 2 * 64,
  vocabularySize: 4096,
  embeddingLength: 256,
  heads: null,
};

export interface Point {
  readonly model?: string;
  readonly quantization?: string;
  readonly flashAttention?: AxisValue;
  readonly parallel?: number;
  readonly threads?: number;
  readonly promptTokens?: number;
  readonly generateTokens?: number;
  readonly contextDepth?: number;
}

/** One experiment as expansion makes it: every option filled in, the id a hash-like function of the point. */
export function experimentOf(point: Point = {}): Experiment {
  const model = point.model ?? 'llama-1b';
  const quantization = point.quantization ?? 'q4_k_m';
  const runner = {
    flashAttention: point.flashAttention ?? 'auto',
    kvCacheTypeK: 'f16',
    kvCacheTypeV: 'f16',
    threads: point.threads ?? 4,
    batch: 2048,
    ubatch: 512,
    gpuLayers: 'all',
    mmap: true,
    cpuBackend: 'shipped',
    poll: 50,
  };
  const workload = {
    promptTokens: point.promptTokens ?? 256,
    generateTokens: point.generateTokens ?? 32,
    parallel: point.parallel ?? 1,
    contextDepth: point.contextDepth ?? 0,
  };
  const content = JSON.stringify([model, quantization, runner, workload]);
  return {
    id: `x${hex(content, 24)}`,
    model: {
      name: model,
      source: `${model}-f16.gguf`,
      digest: `sha256:${hex(model, 64)}`,
      facts: {
        ...SMALL_FACTS,
        parameters: PARAMETERS,
        bytes: PARAMETERS * 2,
        layers: 16,
        contextLength: 131_072,
        keyElementsPerToken: 8192,
        valueElementsPerToken: 8192,
        vocabularySize: 128_256,
        embeddingLength: 2048,
      },
    },
    technique: { ...UNCHANGED, quantization },
    runner: { kind: 'llama-cpp', options: runner },
    workload: { kind: 'latency', options: workload },
    measure: POLICY,
    quality: null,
    device: 'cpu',
    settings: null,
    node: null,
  };
}

/** @returns a stable text of hex digits for a text; no digest, only different for different texts. */
export function hex(text: string, digits: number): string {
  let out = '';
  for (let salt = 0; out.length < digits; salt++) {
    let hash = 0x811c9dc5 ^ salt;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    out += (hash >>> 0).toString(16).padStart(8, '0');
  }
  return out.slice(0, digits);
}
