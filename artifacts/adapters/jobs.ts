import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { AdapterRequest } from './load.js';
import type { MergeRequest } from './merge.js';

/** Writes a copy of a model with adapters in its weights. */
export const MERGE_ADAPTERS: Job<MergeRequest & { readonly threads: number }, Learned, ProgressReport> = {
  name: 'merge-adapters',
  what: 'the merging of adapters',
  async run(request, channel) {
    const [{ mergeAdapters }, { mergeEngine }] = await Promise.all([
      import('./merge.js'),
      import('../../engines/native/adapter-kernels.js'),
    ]);
    const engine = await mergeEngine(request.threads);
    const { warnings, facts } = await mergeAdapters(request, engine, progressOver(channel));
    return { warnings, facts };
  },
};

/** Writes an adapter as a GGUF file that llama.cpp attaches to a model. */
export const WRITE_ADAPTER: Job<AdapterRequest & { readonly outputPath: string }, Learned> = {
  name: 'write-adapter',
  what: 'the writing of the adapter',
  async run(request) {
    const { writeAttachable } = await import('./attach.js');
    return { facts: {}, ...(await writeAttachable(request, request.outputPath)) };
  },
};
