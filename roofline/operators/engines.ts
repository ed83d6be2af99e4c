/** Whose operators are measured, as folders of tables name them. */
const NAMES: Readonly<Record<string, string>> = {
  vllm: 'vLLM',
  sglang: 'SGLang',
  trtllm: 'TensorRT-LLM',
  nccl: 'NCCL',
};

/** @returns how tables and pages say it. */
export const engineName = (engine: string) => NAMES[engine] ?? engine;

/** Libraries that every engine calls: their tables are each engine's own. */
export const isSharedLibrary = (engine: string) => engine === 'nccl';
