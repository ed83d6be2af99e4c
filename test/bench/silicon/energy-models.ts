import type { NumberFormat } from '../../../core/work/operator-call.js';
import type { CheckpointFormats, SiliconModel } from './models.js';

const all = (format: NumberFormat): CheckpointFormats => ({
  attention: format,
  feedForward: format,
  shared: format,
  experts: format,
});

/** Models of the leaderboard whose configs lie in the wheel, but which the end-to-end points do not have. */
export const OTHER_MODELS: Readonly<Record<string, SiliconModel>> = {
  'Qwen/Qwen3-8B': dense('Qwen3-8B', 'Qwen--Qwen3-8B'),
  'Qwen/Qwen3-30B-A3B-Instruct-2507': dense('Qwen3-30B-A3B', 'Qwen--Qwen3-30B-A3B'),
  'Qwen/Qwen3-30B-A3B-Thinking-2507': dense('Qwen3-30B-A3B', 'Qwen--Qwen3-30B-A3B'),
  'Qwen/Qwen3-Coder-30B-A3B-Instruct': dense('Qwen3-30B-A3B', 'Qwen--Qwen3-30B-A3B'),
  'Qwen/Qwen3-Coder-480B-A35B-Instruct': dense(
    'Qwen3-Coder-480B-A35B',
    'Qwen--Qwen3-Coder-480B-A35B-Instruct',
  ),
  'Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8': dense(
    'Qwen3-Coder-480B-A35B',
    'Qwen--Qwen3-Coder-480B-A35B-Instruct',
  ),
  'meta-llama/Llama-3.1-405B-Instruct': dense('Llama-3.1-405B', 'meta-llama--Meta-Llama-3.1-405B', 'fp8'),
  'meta-llama/Llama-3.1-405B-Instruct-FP8': dense('Llama-3.1-405B', 'meta-llama--Meta-Llama-3.1-405B', 'fp8'),
  'meta-llama/Llama-4-Scout-17B-16E-Instruct': dense(
    'Llama-4-Scout',
    'meta-llama--Llama-4-Scout-17B-16E-Instruct',
    'fp8',
  ),
  'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8': dense(
    'Llama-4-Maverick',
    'meta-llama--Llama-4-Maverick-17B-128E-Instruct',
    'fp8',
  ),
};

/** @param fp8 how its fp8 checkpoint is scaled. */
function dense(name: string, config: string, fp8: NumberFormat = 'fp8-block'): SiliconModel {
  return { name, paths: [], config, checkpoints: { bf16: all('bf16'), fp8: all(fp8) } };
}
