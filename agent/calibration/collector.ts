import { type Collector, type CollectorOptions, openNativeCollector } from '../native/collector.js';
import type { Llama } from '../native/llama.js';
import { PortableCollector } from './portable.js';

export type { Collector } from '../native/collector.js';

/** @param library our native library; null = the portable collector, with the same numbers. */
export async function openCollector(
  llama: Llama,
  library: string | null,
  options: CollectorOptions,
): Promise<Collector> {
  return library === null
    ? new PortableCollector(llama, options.hessians)
    : await openNativeCollector(library, llama, options);
}
