import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { timesOn } from '../../../roofline/operators/shipped/index.js';
import type { Clone } from './clone.js';
import { readCsv } from './points.js';

const FOLDER = 'data/profiling/compute/a40';
/** Models by their folders there. */
const MODELS = [
  'Qwen/Qwen-72B',
  'codellama/CodeLlama-34b-Instruct-hf',
  'internlm/internlm-20b',
  'meta-llama/Llama-2-70b-hf',
  'meta-llama/Llama-2-7b-hf',
  'microsoft/phi-2',
];

/**
 * Products that Vidur timed on an A40 in f16 (microsoft/vidur, MIT; Agrawal et al., MLSys 2024), beside what
 * the nearest device's tables say of it.
 */
export function vidurMisses(clone: Clone): [key: string, miss: number | string][] {
  const times = timesOn(requireHardware('a40'), 'vllm');
  return MODELS.flatMap((model) =>
    readCsv(clone.read(`${FOLDER}/${model}/mlp.csv`)).flatMap((row) => {
      const read = (name: string) => Number(row[name]);
      const [heads, kvHeads, embedding, width] = [
        read('n_head'),
        read('n_kv_head'),
        read('n_embd'),
        read('n_expanded_embd'),
      ];
      const devices = read('num_tensor_parallel_workers');
      const headLength = embedding / heads;
      const gated = row.use_gated_mlp === 'True' ? 2 : 1;
      const products: readonly (readonly [name: string, inputs: number, outputs: number])[] = [
        ['attn_pre_proj', embedding, ((heads + 2 * kvHeads) * headLength) / devices],
        ['attn_post_proj', embedding / devices, embedding],
        ['mlp_up_proj', embedding, (gated * width) / devices],
        ['mlp_down_proj', width / devices, embedding],
      ];
      return products.flatMap(([name, inputs, outputs]): [string, number | string][] => {
        const measured = read(`time_stats.${name}.median`) / 1000;
        if (!(measured > 0) || !Number.isInteger(inputs) || !Number.isInteger(outputs)) return [];
        const time = timesOf(times, read('num_tokens'), inputs, outputs);
        return [[name, typeof time === 'string' ? time : Math.log(time / measured)]];
      });
    }),
  );
}

function timesOf(
  times: ReturnType<typeof timesOn>,
  rows: number,
  inputs: number,
  outputs: number,
): number | string {
  const time = times.timeOf({
    family: 'product',
    format: 'bf16',
    rows,
    inputs,
    outputs,
  });
  return time.seconds === null ? time.reason : time.seconds;
}
