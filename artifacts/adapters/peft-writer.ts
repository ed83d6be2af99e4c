import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AdapterLayer, type LowRankAdapter, rankOf } from '../../core/techniques/adapters/adapter.js';
import { transposed } from '../../core/techniques/adapters/convert.js';
import {
  EMBEDDING_TENSOR,
  type Heads,
  inverseOrder,
  moduleOfTensor,
  reordered,
  rowOrder,
} from '../../core/techniques/adapters/names.js';
import { encodeFloats } from '../../core/techniques/float-types.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { unusable } from '../../formats/adapters/base.js';
import { type SafetensorSource, writeSafetensors } from '../../formats/safetensors/writer.js';
import { CONFIG_FILE, WEIGHTS_FILE } from './peft-config.js';

/** What a PEFT folder says beside the weights. */
export interface PeftNote {
  /** Name or path of the base, for peft's `base_model_name_or_path`; null = not known. */
  readonly baseModel?: string | null;
}

/**
 * Writes an adapter as peft's save_pretrained does (f32), rows of Q and K turned back into the order of
 * transformers. VeRA is written as the LoRA that it is.
 * @param model heads of the model that the adapter is for.
 * @throws FailureError `model-unreadable` for a matrix that transformers has no module for, `disk-full`.
 */
export async function writePeft(
  folder: string,
  adapter: LowRankAdapter,
  model: Heads,
  { baseModel = null }: PeftNote = {},
): Promise<void> {
  const modules = [...adapter.layers].map(([tensor, layer]) => {
    const module = moduleOfTensor(tensor);
    if (module === null) throw unusable(folder, `${tensor} has no module in transformers`);
    return { tensor, module, layer };
  });
  await mkdir(folder, { recursive: true });
  const tensors = modules.flatMap(({ tensor, module, layer }) => tensorsOf(tensor, module, layer, model));
  await writeSafetensors(join(folder, WEIGHTS_FILE), { metadata: new Map([['format', 'pt']]), tensors });
  const config = configOf(adapter, modules, baseModel);
  await writeFile(join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

function tensorsOf(tensor: string, module: string, layer: AdapterLayer, model: Heads): SafetensorSource[] {
  const back = inverseOrder(rowOrder(tensor, layer.b.rows, model));
  const b = reordered(layer.b, back);
  const { magnitude } = layer;
  const at = `base_model.model.${module}`;
  const floats = (name: string, shape: readonly number[], values: Float32Array): SafetensorSource => {
    return { name: `${at}.lora_${name}`, dtype: 'F32', shape, data: () => [encodeFloats(values, 'f32')] };
  };
  const matrix = (name: string, { rows, columns, values }: Matrix) => floats(name, [rows, columns], values);
  if (tensor === EMBEDDING_TENSOR)
    return [matrix('embedding_A', transposed(b)), matrix('embedding_B', transposed(layer.a))];
  const pair = [matrix('A.weight', layer.a), matrix('B.weight', b)];
  if (magnitude === null) return pair;
  const turned = back === null ? magnitude : Float32Array.from(back, (row) => magnitude[row]!);
  return [...pair, floats('magnitude_vector', [turned.length], turned)];
}

function configOf(
  { kind, layers, onResidual }: LowRankAdapter,
  modules: readonly { readonly module: string; readonly layer: AdapterLayer }[],
  baseModel: string | null,
): Record<string, unknown> {
  const rankStabilized = kind === 'rslora';
  // Twelve digits: 16 comes back as 16 from a scale of 16/√r.
  const alpha = (layer: AdapterLayer) =>
    Number((layer.scale * (rankStabilized ? Math.sqrt(rankOf(layer)) : rankOf(layer))).toPrecision(12));
  const first = modules[0]?.layer;
  const common = first === undefined ? { rank: 1, alpha: 1 } : { rank: rankOf(first), alpha: alpha(first) };
  const exceptionsTo = (value: (layer: AdapterLayer) => number, usual: number) => {
    const odd = modules.filter(({ layer }) => value(layer) !== usual);
    return Object.fromEntries(odd.map((one) => [one.module.replaceAll('.', '\\.'), value(one.layer)]));
  };
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    inference_mode: true,
    r: common.rank,
    lora_alpha: common.alpha,
    lora_dropout: 0,
    target_modules: [...new Set(modules.map(({ module }) => module.replace(/^.*\./, '')))].sort(),
    rank_pattern: exceptionsTo(rankOf, common.rank),
    alpha_pattern: exceptionsTo(alpha, common.alpha),
    use_rslora: rankStabilized,
    use_dora: [...layers.values()].some(({ magnitude }) => magnitude !== null),
    init_lora_weights: onResidual ?? true,
    bias: 'none',
    fan_in_fan_out: false,
    modules_to_save: null,
  };
}
