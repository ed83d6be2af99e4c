import type { ModelArchitecture } from '../architecture.js';
import { passMemory } from '../memory/pass-memory.js';
import type { PassRequest } from '../pass/setting.js';
import type { MemoryAnalysis } from './analysis.js';

/** Bytes that one device holds at the fuller of two passes. */
export function memoryOf(
  architecture: ModelArchitecture,
  { prefill, decode }: { readonly prefill: PassRequest; readonly decode: PassRequest },
): Omit<MemoryAnalysis, 'fits'> {
  const passes = [passMemory(architecture, prefill), passMemory(architecture, decode)];
  const most = (of: (pass: (typeof passes)[number]) => number) => Math.max(...passes.map(of));
  const weights = most((pass) => pass.weights);
  const kvCache = most((pass) => pass.kvCache);
  const activations = most((pass) => pass.activations);
  return { weights, kvCache, activations, bytes: weights + kvCache + activations };
}
