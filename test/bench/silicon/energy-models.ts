import type { NumberFormat } from '../../../core/work/operator-call.js';
import type { SiliconModel } from './models.js';

/** Models of the leaderboard that the end-to-end points do not have, by their name there. */
export const OTHER_MODELS: Readonly<Record<string, SiliconModel>> = {
  'Qwen/Qwen3-8B': published('Qwen3-8B'),
  'Qwen/Qwen3-14B': published('Qwen3-14B'),
  'Qwen/Qwen3-30B-A3B-Instruct-2507': published('Qwen3-30B-A3B'),
  'Qwen/Qwen3-30B-A3B-Thinking-2507': published('Qwen3-30B-A3B'),
  'Qwen/Qwen3-Coder-30B-A3B-Instruct': published('Qwen3-30B-A3B'),
  'Qwen/Qwen3-Coder-480B-A35B-Instruct': published('Qwen3-Coder-480B-A35B'),
  'Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8': published('Qwen3-Coder-480B-A35B'),
  'google/gemma-3-12b-it': published('Gemma-3-12B'),
  'google/gemma-3-27b-it': published('Gemma-3-27B'),
  'meta-llama/Llama-3.1-405B-Instruct': published('Llama-3.1-405B', 'fp8'),
  'meta-llama/Llama-3.1-405B-Instruct-FP8': published('Llama-3.1-405B', 'fp8'),
  'openai/gpt-oss-20b': {
    name: 'gpt-oss-20b',
    paths: [],
    config: '',
    checkpoints: { fp4: { attention: 'bf16', feedForward: 'bf16', shared: 'bf16', experts: 'mxfp4' } },
  },
};

/** @param fp8 how its fp8 checkpoint is scaled. */
function published(name: string, fp8: NumberFormat = 'fp8-block'): SiliconModel {
  const all = (format: NumberFormat) => ({
    attention: format,
    feedForward: format,
    shared: format,
    experts: format,
  });
  const config = name.includes('480B') ? `Qwen--${name}-Instruct` : '';
  return { name, paths: [], config, checkpoints: { bf16: all('bf16'), fp8: all(fp8) } };
}
