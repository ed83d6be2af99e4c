import { layersByShare } from '../../../core/work/llama-cpp.js';
import type { EngineDevice, Llama, Pointer } from '../../native/llama.js';
import type { Spread } from '../opened.js';
import { metadata } from './facts.js';
import type { Settings } from './settings.js';

/**
 * @returns the shares that a model is split by: those of the point, or else the free memory of its devices,
 *   which is what llama.cpp would take, but so we know it. null = it is left to llama.cpp: one device,
 *   matrices that are shared evenly, or a device that does not tell its memory.
 */
export function sharesOver(
  devices: readonly Pick<EngineDevice, 'freeBytes' | 'memoryBytes'>[],
  { tensorSplit, splitMode }: Pick<Settings, 'tensorSplit' | 'splitMode'>,
): readonly number[] | null {
  if (devices.length < 2) return null;
  if (tensorSplit !== null || splitMode === 'tensor') return tensorSplit;
  return devices.some(({ memoryBytes }) => memoryBytes === 0)
    ? null
    : devices.map(({ freeBytes }) => freeBytes);
}

/**
 * @param shares that the model was split by, as `sharesOver` gives them.
 * @returns how the model lies on its devices, or why that is not known; null where one device has all of it.
 */
export function spreadOf(
  llama: Llama,
  model: Pointer,
  devices: readonly EngineDevice[],
  settings: Settings,
  shares: readonly number[] | null,
): Spread | string | null {
  if (devices.length === 0) return null;
  if (devices.some(({ backend }) => backend === 'rpc'))
    return 'a part of the model is on RPC servers, whose roofs are not known here';
  const layers = llama.functions.llama_model_n_layer(model);
  const { gpuLayers, splitMode } = settings;
  if (gpuLayers !== 'all' && gpuLayers <= layers)
    return 'a part of the layers is on the CPU, and its share of the time is not counted';
  if (devices.length === 1) return null;
  if (splitMode === 'tensor') {
    const even = shares === null || shares.every((share) => share === shares[0]);
    return even ? { tensor: devices.length } : 'the work of matrices that are shared unevenly is not counted';
  }
  if (shares === null)
    return 'a device does not tell its free memory, by which llama.cpp shares the layers out';
  // They count as layers when shares are made of them.
  const predicting = metadata(
    llama,
    model,
    `${metadata(llama, model, 'general.architecture')}.nextn_predict_layers`,
  );
  if (predicting !== null && predicting !== '0')
    return 'where the layers that predict further tokens lie is not counted';
  return {
    layers: layersByShare(layers, shares),
    overlaps: llama.log.find(/pipeline parallelism (enabled)/) !== null,
  };
}
