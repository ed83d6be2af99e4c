import type { NumberFormat } from '../../../core/work/operator-call.js';
import { isBlackwell, type SiliconPoint } from './points.js';

/** How the server of a point was started, and its clients: what no column of the points says. */
export interface Recipe {
  readonly cache: NumberFormat;
  /** New tokens of a step at most. */
  readonly stepTokens: number;
  /** Share of the memory that the engine takes; null = its own default. */
  readonly memoryShare: number | null;
  /** Sequences that run at once at most; null = as many as clients ask for. */
  readonly mostSequences: number | null;
  /**
   * Steps that prompts wait for others until they fill this share of a step (TensorRT-LLM); null = they do
   * not wait.
   */
  readonly waiting: { readonly steps: number; readonly share: number } | null;
  /** Lengths are drawn evenly from this share of the stated one up to it. */
  readonly shortest: number;
}

type Told = Partial<Recipe>;

/** `--random-range-ratio 0.8` of InferenceX. */
const DRAWN = 0.8;

const KEPT: Recipe = {
  cache: 'bf16',
  stepTokens: 8192,
  memoryShare: null,
  mostSequences: null,
  waiting: null,
  shortest: 1,
};

/**
 * Arguments of servers in InferenceX's recipes (github.com/SemiAnalysisAI/InferenceX, Apache-2.0,
 * `benchmarks/` as of November 2025, January and March 2026, those of 70B before commit 026d16b8, which
 * removed them). The makers' own runs have none: there an engine's defaults stand, and the cache follows the
 * weights where NVIDIA's checkpoints say so (`kv_cache_quant_algo`).
 */
export function recipeOf(point: SiliconPoint): Recipe {
  if (point.origin === 'makers') {
    const quantized = point.precision === 'fp8' || point.precision === 'fp4';
    return { ...KEPT, cache: quantized && point.engine !== 'sglang' ? 'fp8' : 'bf16' };
  }
  const told = RECIPES[point.engine]?.[point.model.name];
  return { ...KEPT, shortest: DRAWN, ...(told === undefined ? {} : told(point)) };
}

const roundedUp = (tokens: number) => Math.ceil(tokens / 64) * 64;

const RECIPES: Readonly<Record<string, Readonly<Record<string, (point: SiliconPoint) => Told>>>> = {
  vllm: {
    'Llama-3.1-70B': () => ({ cache: 'fp8', memoryShare: 0.9 }),
    'gpt-oss-120b': (point) => ({
      cache: isBlackwell(point.device) ? 'fp8' : 'bf16',
      memoryShare: 0.9,
      ...(isBlackwell(point.device) ? { mostSequences: 512 } : {}),
    }),
    'MiniMax-M2.5': (point) =>
      point.release.startsWith('0.19') && isBlackwell(point.device)
        ? { cache: 'fp8', memoryShare: 0.9, stepTokens: 2 * point.promptTokens }
        : { memoryShare: 0.95 },
    'Kimi-K2.5': ({ precision }) =>
      precision === 'fp4' ? { cache: 'fp8', memoryShare: 0.9 } : { memoryShare: 0.95 },
  },
  sglang: {
    'DeepSeek-R1': (point) =>
      isBlackwell(point.device)
        ? point.precision === 'fp4'
          ? { cache: 'fp8', memoryShare: 0.85, stepTokens: 16_384, mostSequences: 256 }
          : { cache: 'fp8', memoryShare: 0.82, stepTokens: 32_768, mostSequences: 128 }
        : { memoryShare: 0.82, stepTokens: 32_768, mostSequences: 256 },
    'Qwen3.5-397B-A17B': ({ precision }) => ({
      cache: precision === 'bf16' ? 'bf16' : 'fp8',
      memoryShare: 0.82,
      stepTokens: precision === 'bf16' ? 32_768 : 16_384,
      mostSequences: 128,
    }),
    'GLM-5': (point) =>
      isBlackwell(point.device)
        ? { cache: 'fp8', memoryShare: 0.85, stepTokens: 32_768 }
        : { memoryShare: 0.85 },
  },
  trtllm: {
    'Llama-3.1-70B': ({ promptTokens, answerTokens, served }) => ({
      cache: 'fp8',
      stepTokens: 16_384,
      waiting:
        promptTokens === 1024 && answerTokens === 1024 && served.devices < 8
          ? { steps: 20, share: 0.9 }
          : null,
    }),
    'gpt-oss-120b': (point) => ({
      cache: isBlackwell(point.device) ? 'fp8' : 'bf16',
      memoryShare: 0.85,
      stepTokens: 20_000,
    }),
    'DeepSeek-R1': (point) => ({
      cache: 'fp8',
      memoryShare: isBlackwell(point.device) ? 0.8 : 0.75,
      stepTokens: Math.max(8192, roundedUp(point.concurrency + point.promptTokens + 64)),
      waiting: waitsAsDeepSeek(point) ? { steps: 40, share: 0.8 } : null,
    }),
  },
};

/** `DELAY_BATCHING` of dsr1_fp8_b200_trt.sh since February 2026. */
const waitsAsDeepSeek = (point: SiliconPoint) =>
  isBlackwell(point.device) &&
  point.precision === 'fp8' &&
  point.release.startsWith('1.2') &&
  point.promptTokens === 1024 &&
  point.answerTokens === 1024 &&
  point.concurrency >= 64;
