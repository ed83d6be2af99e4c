import type { SchedulerFlags } from '../../../batching/schedulers/index.js';
import type { NumberFormat } from '../../../core/work/operator-call.js';
import { compareReleases } from '../../../roofline/operators/release.js';
import { isBlackwell, type SiliconPoint } from './points.js';

/** How the server of a point was started, and its clients: what no column of the points says. */
export interface Recipe {
  readonly cache: NumberFormat;
  /** Share of the memory that the engine takes; null = its own default. */
  readonly memoryShare: number | null;
  /** Of the engine's scheduler; others are its defaults on the device. */
  readonly flags: SchedulerFlags;
  /** Lengths are drawn evenly from this share of the stated one up to it. */
  readonly shortest: number;
}

/**
 * The load of InferenceX (`benchmarks/benchmark_lib.sh`, `utils/bench_serving/benchmark_serving.py`,
 * `.github/workflows/benchmark-tmpl.yml`): `--random-range-ratio 0.8` draws both lengths evenly from 0.8 of
 * the stated one up to it; `--num-prompts` is ten times `--max-concurrency`; `--request-rate inf` starts as
 * many at once as may be; the times are means over all of them. Warm-ups send one prompt again and again, and
 * caches of prefixes are off. The makers do not say what they sent: the same with fixed lengths is assumed.
 */
const DRAWN = 0.8;
export const REQUESTS_OF_A_CLIENT = 10;

/** Scheduling ahead is vLLM's default since (release notes of v0.14.0); InferenceX asked for it before. */
const SCHEDULES_AHEAD_SINCE = '0.14';

/**
 * Arguments of servers in InferenceX's recipes (github.com/SemiAnalysisAI/InferenceX, Apache-2.0,
 * `benchmarks/` in the state of the day that a row says it was measured on; those of 70B before commit
 * 026d16b8, which removed them). The makers' own runs have none: there an engine's defaults stand, and the
 * cache follows the weights where NVIDIA's checkpoints say so (`kv_cache_quant_algo`).
 */
export function recipeOf(point: SiliconPoint): Recipe {
  if (point.origin === 'makers') {
    const quantized = point.precision === 'fp8' || point.precision === 'fp4';
    const ahead = compareReleases(point.release, SCHEDULES_AHEAD_SINCE) >= 0;
    return {
      cache: quantized && point.engine !== 'sglang' ? 'fp8' : 'bf16',
      memoryShare: null,
      flags: point.engine === 'vllm' ? { asyncScheduling: ahead } : {},
      shortest: 1,
    };
  }
  const told = RECIPES[point.engine]?.[point.model.name]?.(point) ?? {};
  return {
    cache: 'bf16',
    memoryShare: null,
    ...told,
    flags: { ...UNCACHED[point.engine], ...told.flags },
    shortest: DRAWN,
  };
}

/** No recipe keeps prefixes. */
const UNCACHED: Readonly<Record<string, SchedulerFlags>> = {
  vllm: { enablePrefixCaching: false },
  sglang: { disableRadixCache: true },
  trtllm: { enableBlockReuse: false },
};

const roundedUp = (tokens: number) => Math.ceil(tokens / 64) * 64;

type Told = Partial<Omit<Recipe, 'shortest'>>;

/** SGLang: both limits of prompts are set to the same. */
const chunks = (tokens: number, maxRunningRequests: number): SchedulerFlags => ({
  chunkedPrefillSize: tokens,
  maxPrefillTokens: tokens,
  maxRunningRequests,
});

/** `SCHEDULER_RECV_INTERVAL` of most recipes for SGLang on Blackwell. */
const looksSeldom = ({ concurrency }: SiliconPoint): SchedulerFlags => ({
  schedulerRecvInterval: concurrency >= 16 ? 30 : 10,
});

/** Evaluations behind each run ask for prompts of any length (commit 64af5a77). */
const takesAnyPrompt = ({ day }: SiliconPoint) => day !== null && day >= '2026-01-22';
/** Recipes of vLLM 0.19 on Blackwell set the tokens of a step by the prompt. */
const sizesSteps = ({ day, device }: SiliconPoint) =>
  isBlackwell(device) && day !== null && day >= '2026-04-03';

const RECIPES: Readonly<Record<string, Readonly<Record<string, (point: SiliconPoint) => Told>>>> = {
  vllm: {
    'Llama-3.1-70B': () => ({ cache: 'fp8', memoryShare: 0.9 }),
    'gpt-oss-120b': (point) => ({
      cache: isBlackwell(point.device) ? 'fp8' : 'bf16',
      memoryShare: 0.9,
      flags: isBlackwell(point.device) ? { maxNumSeqs: 512 } : {},
    }),
    'MiniMax-M2.5': (point) => {
      if (sizesSteps(point))
        return { cache: 'fp8', memoryShare: 0.9, flags: { maxNumBatchedTokens: 2 * point.promptTokens } };
      return point.device === 'h100_sxm'
        ? { memoryShare: 0.9, flags: { maxNumSeqs: 256 } }
        : { memoryShare: 0.95 };
    },
    'Kimi-K2.5': ({ precision }) =>
      precision === 'fp4' ? { cache: 'fp8', memoryShare: 0.9 } : { memoryShare: 0.95 },
  },
  sglang: {
    'DeepSeek-R1': (point) => {
      const { device, precision, served, promptTokens, answerTokens } = point;
      if (!isBlackwell(device)) {
        const short = promptTokens === 1024 && answerTokens === 1024;
        return { memoryShare: 0.82, flags: chunks(32_768, short ? 512 : 256) };
      }
      if (precision === 'fp4')
        return { cache: 'fp8', memoryShare: 0.85, flags: { ...chunks(16_384, 256), ...looksSeldom(point) } };
      return served.devices === 4
        ? { cache: 'fp8', memoryShare: 0.95, flags: { ...chunks(8192, 32), schedulerRecvInterval: 10 } }
        : { cache: 'fp8', memoryShare: 0.82, flags: { ...chunks(32_768, 128), ...looksSeldom(point) } };
    },
    'Qwen3.5-397B-A17B': (point) => {
      const { device, precision, concurrency } = point;
      const cache = precision === 'bf16' ? 'bf16' : 'fp8';
      if (!isBlackwell(device)) return { cache, memoryShare: 0.8, flags: chunks(16_384, 128) };
      const larger = device === 'b300_sxm';
      if (larger && precision === 'fp8')
        return {
          cache,
          memoryShare: 0.8,
          flags: { ...chunks(16_384, concurrency), schedulerRecvInterval: 10 },
        };
      const memoryShare = precision === 'fp4' ? (larger ? 0.8 : 0.85) : 0.82;
      return { cache, memoryShare, flags: { ...chunks(32_768, 128), ...looksSeldom(point) } };
    },
    'GLM-5': ({ device, precision, concurrency: maxRunningRequests }) => {
      if (!isBlackwell(device)) return { memoryShare: 0.85 };
      return precision === 'fp4'
        ? { memoryShare: 0.8, flags: { chunkedPrefillSize: 131_072, maxRunningRequests } }
        : { cache: 'fp8', memoryShare: 0.85, flags: chunks(32_768, maxRunningRequests) };
    },
  },
  trtllm: {
    'Llama-3.1-70B': ({ promptTokens, answerTokens, served }) => ({
      cache: 'fp8',
      flags: {
        maxNumTokens: 16_384,
        ...(promptTokens === 1024 && answerTokens === 1024 && served.devices < 8 ? waits(20, 0.9) : {}),
      },
    }),
    'gpt-oss-120b': (point) => ({
      cache: isBlackwell(point.device) ? 'fp8' : 'bf16',
      memoryShare: 0.85,
      flags: { maxNumTokens: 20_000 },
    }),
    'DeepSeek-R1': (point) => ({
      cache: 'fp8',
      memoryShare: isBlackwell(point.device) ? 0.8 : 0.75,
      flags: {
        maxNumTokens: Math.max(
          takesAnyPrompt(point) ? 8192 : 0,
          roundedUp(point.concurrency + point.promptTokens + 64),
        ),
        ...(waitsAsDeepSeek(point) ? waits(40, 0.8) : {}),
      },
    }),
  },
};

const waits = (steps: number, share: number): SchedulerFlags => ({
  batchWaitTimeoutIters: steps,
  batchWaitMaxTokensRatio: share,
});

/** `DELAY_BATCHING` of dsr1_fp8_b200_trt.sh since February 2026. */
const waitsAsDeepSeek = (point: SiliconPoint) =>
  isBlackwell(point.device) &&
  point.precision === 'fp8' &&
  point.release.startsWith('1.2') &&
  point.promptTokens === 1024 &&
  point.answerTokens === 1024 &&
  point.concurrency >= 64;
