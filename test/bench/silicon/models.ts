import type { NumberFormat } from '../../../core/work/operator-call.js';

/** What the matrices of a checkpoint are kept in. */
export interface CheckpointFormats {
  readonly attention: NumberFormat;
  readonly feedForward: NumberFormat;
  readonly shared: NumberFormat;
  readonly experts: NumberFormat;
}

/** A model of the points, with what its published checkpoints have in them. */
export interface SiliconModel {
  /** Short, as tables of this bench name it. */
  readonly name: string;
  /** Names that the points give it. */
  readonly paths: readonly string[];
  /** Its config.json in the wheel's `model_configs`. */
  readonly config: string;
  /** Formats by the precision that the points state. */
  readonly checkpoints: Readonly<Record<string, CheckpointFormats>>;
  /** Where engines compute them otherwise: mxfp4 meets mxfp8 there (InferenceX's recipes of both engines). */
  readonly onBlackwell?: Readonly<Record<string, CheckpointFormats>>;
}

const all = (format: NumberFormat): CheckpointFormats => ({
  attention: format,
  feedForward: format,
  shared: format,
  experts: format,
});

const expertsAlone = (experts: NumberFormat): CheckpointFormats => ({ ...all('bf16'), experts });

/**
 * `weight_block_size` of the published config: such checkpoints are scaled in blocks, whatever a label says.
 */
const FP8_IN_BLOCKS = { fp8: all('fp8-block') };

/**
 * Where the labels of the points and the published checkpoints disagree, the checkpoint is right: gpt-oss is
 * marked nvfp4 and has bf16 projections and mxfp4 experts. Modules that NVFP4 checkpoints leave out stand in
 * their hf_quant_config.json, which lies beside the configs in the wheel.
 */
export const SILICON_MODELS: readonly SiliconModel[] = [
  {
    name: 'Llama-3.1-8B',
    paths: ['meta-llama/Llama-3.1-8B-Instruct', 'nvidia/Llama-3.1-8B-Instruct-FP8'],
    config: 'meta-llama--Meta-Llama-3.1-8B',
    checkpoints: { bf16: all('bf16'), fp8: all('fp8') },
  },
  {
    name: 'Llama-3.1-70B',
    paths: ['meta-llama/Llama-3.1-70B'],
    config: 'meta-llama--Meta-Llama-3.1-70B',
    checkpoints: { fp8: all('fp8'), fp4: all('nvfp4') },
  },
  {
    name: 'Qwen3-32B',
    paths: ['Qwen/Qwen3-32B', 'nvidia/Qwen3-32B-NVFP4'],
    config: 'Qwen--Qwen3-32B',
    checkpoints: { bf16: all('bf16'), fp8: all('fp8'), fp4: all('nvfp4') },
  },
  {
    name: 'Qwen3-235B-A22B',
    paths: ['Qwen/Qwen3-235B-A22B-FP8'],
    config: 'Qwen--Qwen3-235B-A22B',
    checkpoints: FP8_IN_BLOCKS,
  },
  {
    name: 'gpt-oss-120b',
    paths: ['openai/gpt-oss-120b'],
    config: 'openai--gpt-oss-120b',
    checkpoints: {
      fp4: expertsAlone('mxfp4'),
      fp8: expertsAlone('mxfp4'),
    },
    onBlackwell: { fp4: expertsAlone('mxfp4-mxfp8') },
  },
  {
    name: 'MiniMax-M2.5',
    paths: ['MiniMaxAI/MiniMax-M2.5'],
    config: 'MiniMaxAI--MiniMax-M2.5',
    checkpoints: { ...FP8_IN_BLOCKS, fp4: expertsAlone('nvfp4') },
  },
  {
    name: 'Qwen3.5-397B-A17B',
    paths: ['Qwen/Qwen3.5-397B-A17B'],
    config: 'Qwen--Qwen3.5-397B-A17B',
    checkpoints: { ...FP8_IN_BLOCKS, bf16: all('bf16'), fp4: expertsAlone('nvfp4') },
  },
  {
    name: 'Kimi-K2.5',
    paths: ['moonshotai/Kimi-K2.5'],
    config: 'moonshotai--Kimi-K2.5',
    checkpoints: { int4: expertsAlone('int4'), fp4: expertsAlone('nvfp4') },
  },
  {
    name: 'DeepSeek-R1',
    paths: [
      'deepseek-ai/DeepSeek-R1',
      'deepseek-ai/DeepSeek-V3',
      'nvidia/DeepSeek-R1-NVFP4',
      'nvidia/DeepSeek-V3.1-NVFP4',
    ],
    config: 'deepseek-ai--DeepSeek-V3',
    checkpoints: { ...FP8_IN_BLOCKS, fp4: { ...all('nvfp4'), attention: 'bf16' } },
  },
  {
    name: 'GLM-5',
    paths: ['zhipuai/GLM-5'],
    config: 'zai-org--GLM-5',
    checkpoints: { ...FP8_IN_BLOCKS, fp4: { ...all('nvfp4'), attention: 'bf16' } },
  },
];
