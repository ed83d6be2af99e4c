import { basename } from 'node:path';
import { failed } from '../../../core/errors.js';
import { adapterBase, requireFit, unattachable } from '../../../formats/adapters/base.js';
import { canAttach, readAdapterGguf } from '../../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { RunnableAdapter } from '../runner.js';

/** Adapters that the engine holds beside a model, until the model is freed. */
export interface OpenAdapters {
  readonly handles: readonly { readonly address: bigint; readonly scale: number }[];
  /** Time the engine took; null when there are none. */
  readonly seconds: number | null;
}

/**
 * Said once for every matrix that is repacked for this CPU: its adapter lies in plain memory, as it should.
 */
export const ADAPTER_ELSEWHERE = /^lora for '.*' cannot use buft/;

/**
 * Checks adapters against the model and has the engine read them. Before the context is made: the size of its
 * graph follows from the adapters that the model has then (llama-context.cpp, graph_max_nodes).
 * @throws FailureError `model-unreadable`, `impossible-combination`, or the engine's words.
 */
export async function openAdapters(
  llama: Llama,
  model: Pointer,
  modelPath: string,
  adapters: readonly RunnableAdapter[],
): Promise<OpenAdapters> {
  if (adapters.length === 0) return { handles: [], seconds: null };
  const base = adapterBase(readGgufHeader(modelPath));
  for (const { path, source } of adapters) {
    // The engine takes NaN as it comes, and has shorter words for a wrong shape.
    const { adapter } = await readAdapterGguf(path, source);
    if (!canAttach(adapter)) throw unattachable(source);
    requireFit(adapter, base, { adapter: source, model: basename(modelPath) });
  }
  const began = performance.now();
  const handles = adapters.map(({ path, source, scale }) => {
    const address = llama.functions.llama_adapter_lora_init(model, path);
    if (address !== null) return { address, scale };
    const said = llama.log.errors() ?? 'it gave no reason';
    throw failed('load-failed', `llama.cpp cannot attach the adapter ${source}: ${said}.`);
  });
  return { handles, seconds: (performance.now() - began) / 1000 };
}

/** Has a context run with adapters. */
export function setAdapters(llama: Llama, context: Pointer, { handles }: OpenAdapters): void {
  if (handles.length === 0) return;
  const addresses = llama.allocate('uint64_t', handles.length);
  const scales = llama.allocate('float', handles.length);
  new BigUint64Array(llama.bytes(addresses, handles.length * 8)).set(handles.map(({ address }) => address));
  new Float32Array(llama.bytes(scales, handles.length * 4)).set(handles.map(({ scale }) => scale));
  llama.functions.llama_set_adapters_lora(context, addresses, handles.length, scales);
  llama.free(addresses);
  llama.free(scales);
}
