/**
 * Options of engines on llama.cpp that say where a model lies. Another backend, or sums that are split
 * otherwise, round otherwise: so answers are kept and found again under all of them, as under the class of
 * the device; and a base that answers are compared with lies where its point's model does.
 */
export const PLACEMENT_OPTIONS: readonly string[] = [
  'gpuLayers',
  'gpus',
  'splitMode',
  'mainGpu',
  'tensorSplit',
  'rpcServers',
];
