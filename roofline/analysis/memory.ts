import type { ModelArchitecture } from '../../core/work/architecture.js';
import { passMemory } from '../../core/work/memory/pass-memory.js';
import { newTokensOf, type PassRequest } from '../../core/work/pass/setting.js';
import { stageWorks } from '../../core/work/pass-work.js';
import type { MemoryAnalysis } from './analysis.js';

/**
 * Bytes that one device holds at the fuller of two passes.
 * @param inFlight micro-batches whose caches are held.
 */
export function memoryOf(
  architecture: ModelArchitecture,
  { prefill, decode }: { readonly prefill: PassRequest; readonly decode: PassRequest },
  inFlight: number,
): Omit<MemoryAnalysis, 'fits'> {
  const passes = [prefill, decode].map((request) => passMemory(architecture, request, inFlight));
  const most = (of: (pass: (typeof passes)[number]) => number) => Math.max(...passes.map(of));
  const weights = most((pass) => pass.weights) + adapterBytes(architecture, decode);
  const kvCache = most((pass) => pass.kvCache);
  const activations = most((pass) => pass.activations);
  const activationsAt = passes.find((pass) => pass.activations === activations)?.activationsAt ?? null;
  return { weights, kvCache, activations, activationsAt, bytes: weights + kvCache + activations };
}

/** Adapters beside the matrices of the stage that has most of them; a pass reads those of its tokens, and all are held. */
function adapterBytes(architecture: ModelArchitecture, request: PassRequest): number {
  const { adapter = null, batch } = request;
  if (adapter === null) return 0;
  const read = Math.min(adapter.distinct, newTokensOf(batch));
  const stages = stageWorks(architecture, request).map(({ operators }) =>
    operators.reduce((sum, { module, traffic }) => sum + (module === 'adapter' ? traffic.weightsRead : 0), 0),
  );
  return (Math.max(...stages) * adapter.distinct) / read;
}
