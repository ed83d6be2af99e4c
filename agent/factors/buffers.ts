import type { Llama, Pointer } from '../../engines/native/llama.js';

/**
 * @returns the layouts of weights that a CPU backend has beside the plain one (repacked for its instructions), the best first.
 */
export function extraBufferTypes(llama: Llama, device: Pointer): Pointer[] {
  const { functions } = llama;
  const registry = functions.ggml_backend_dev_backend_reg(device);
  if (functions.ggml_backend_reg_get_proc_address(registry, 'ggml_backend_dev_get_extra_bufts') === null)
    return [];
  const list = llama.callCpu('ggml_backend_dev_get_extra_bufts', 'void *', [['void *', device]]) as Pointer;
  if (list === null) return [];
  const types: Pointer[] = [];
  for (let at = list; ; at += 8n) {
    const [type] = new BigUint64Array(llama.bytes(at, 8));
    if (type === undefined || type === 0n) return types;
    types.push(type);
  }
}
