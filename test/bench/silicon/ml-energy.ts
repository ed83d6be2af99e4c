import type { Clone } from './clone.js';
import type { Host } from './host.js';
import { SILICON_MODELS, type SiliconModel } from './models.js';
import type { ServerSetting, Servers } from './predictions.js';

/** A server with a known mean batch, and the median time between two tokens. */
export interface EnergyPoint {
  readonly setting: ServerSetting;
  readonly sequences: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly gapSeconds: number;
  /** Of all devices together, and tokens of answers that the server gave meanwhile. */
  readonly watts: number;
  readonly tokensPerSecond: number;
}

/** Prompts of the task: lm-arena-chat has short ones, gpqa a question, sourcegraph-fim a file. */
const PROMPT_TOKENS: Readonly<Record<string, number>> = {
  gpqa: 250,
  'lm-arena-chat': 250,
  'sourcegraph-fim': 1500,
};

const DEVICES: Readonly<Record<string, string>> = { H100: 'h100', B200: 'b200' };

interface Listed {
  readonly model_id: string;
  readonly task: string;
  readonly weight_precision: string;
  readonly configurations: readonly {
    readonly avg_batch_size: number | null;
    readonly avg_output_len: number;
    readonly avg_power_watts: number;
    readonly output_throughput_tokens_per_sec: number;
    readonly median_itl_ms: number | null;
    readonly gpu_model: string;
    readonly num_gpus: number;
    readonly parallelization: {
      readonly data_parallel: number;
      readonly expert_parallel: number;
    };
  }[];
}

/** Models of the points that the leaderboard has under another name. */
const NAMES: Readonly<Record<string, string>> = {
  'Qwen/Qwen3-32B': 'Qwen3-32B',
  'meta-llama/Llama-3.1-8B-Instruct': 'Llama-3.1-8B',
  'meta-llama/Llama-3.1-70B-Instruct': 'Llama-3.1-70B',
  'meta-llama/Llama-3.3-70B-Instruct': 'Llama-3.1-70B',
  'openai/gpt-oss-120b': 'gpt-oss-120b',
  'deepseek-ai/DeepSeek-R1-0528': 'DeepSeek-R1',
  'deepseek-ai/DeepSeek-V3.1': 'DeepSeek-R1',
  'Qwen/Qwen3-235B-A22B-Instruct-2507-FP8': 'Qwen3-235B-A22B',
  'Qwen/Qwen3-235B-A22B-Thinking-2507-FP8': 'Qwen3-235B-A22B',
  'Qwen/Qwen3-235B-A22B-Instruct-2507': 'Qwen3-235B-A22B',
  'Qwen/Qwen3-235B-A22B-Thinking-2507': 'Qwen3-235B-A22B',
};

const PRECISIONS: Readonly<Record<string, string>> = { bfloat16: 'bf16', fp8: 'fp8', mxfp4: 'fp4' };

/**
 * Points of the ML.ENERGY leaderboard (ml-energy/leaderboard, `public/data/models`; vLLM 0.11), of models
 * whose config is at hand.
 * @param others that the end-to-end points do not have, by their name on the leaderboard.
 */
export function energyPoints(
  clone: Clone,
  others: Readonly<Record<string, SiliconModel>> = {},
): EnergyPoint[] {
  const folder = 'public/data/models';
  return clone
    .filesIn(folder)
    .filter((file) => Object.keys(PROMPT_TOKENS).some((task) => file.endsWith(`__${task}.json`)))
    .flatMap((file) => {
      const listed = JSON.parse(clone.read(`${folder}/${file}`)) as Listed;
      const name = NAMES[listed.model_id];
      return pointsOf(listed, others[listed.model_id] ?? SILICON_MODELS.find((known) => known.name === name));
    });
}

const BF16 = { attention: 'bf16', feedForward: 'bf16', shared: 'bf16', experts: 'bf16' } as const;

function pointsOf(
  { task, weight_precision, configurations }: Listed,
  model: SiliconModel | undefined,
): EnergyPoint[] {
  if (model === undefined) return [];
  const formats = model.checkpoints[PRECISIONS[weight_precision] ?? weight_precision];
  return configurations.flatMap((one) => {
    const device = DEVICES[one.gpu_model];
    if (device === undefined || one.avg_batch_size === null || one.median_itl_ms === null) return [];
    const { data_parallel: data, expert_parallel: spread } = one.parallelization;
    // Where experts are spread, `tensor_parallel` is 1, and vLLM spreads them over its tensor group.
    const tensor = one.num_gpus / data;
    const expert = Math.max(1, spread);
    return [
      {
        setting: {
          model,
          formats: formats ?? BF16,
          device,
          engine: 'vllm',
          served: {
            devices: one.num_gpus,
            tensor,
            data,
            expert,
            expertTensor: one.num_gpus / expert,
          },
          cache: 'bf16',
          memoryShare: null,
          flags: {},
        },
        sequences: one.avg_batch_size / data,
        promptTokens: PROMPT_TOKENS[task]!,
        answerTokens: one.avg_output_len,
        gapSeconds: one.median_itl_ms / 1000,
        watts: one.avg_power_watts,
        tokensPerSecond: one.output_throughput_tokens_per_sec,
      },
    ];
  });
}

/** @returns ln(predicted / measured) of a step of decodes alone; a reason where there is none. */
export function energyMiss(servers: Servers, point: EnergyPoint, host: Host): number | string {
  const server = servers.serverOf(point.setting);
  if (typeof server === 'string') return server;
  const contextTokens = point.promptTokens + point.answerTokens / 2;
  const seconds =
    host.kernelFactor * server.step.secondsOf({ decodes: point.sequences, contextTokens, chunks: [] }) +
    host.stepSeconds +
    host.tokenSeconds * point.sequences;
  return Math.log(seconds / point.gapSeconds);
}
