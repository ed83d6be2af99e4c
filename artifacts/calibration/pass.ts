import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { loadObserver } from '../../engines/runners/index.js';
import type { ObservedPlace } from '../../engines/runners/observer.js';
import type { Linear } from './blocks.js';
import { checkedStatistics, endSequence } from './reading.js';

export interface PassRequest {
  readonly modelPath: string;
  readonly linears: readonly Linear[];
  readonly sequences: readonly Int32Array[];
  readonly threads: number;
  /** Where the model is run; left out = on the CPU. */
  readonly place?: ObservedPlace;
  /** Called after each sequence. */
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * Runs sequences through a whole model, of any type and architecture, and collects statistics of all its layers at
 * once. For a model that fits into the memory of its place; the output matrix is left out.
 * @returns statistics by the names of the weights; those that the engine multiplies nothing with are left out.
 * @throws FailureError `model-unsupported` when activations are not finite, `run-failed`, `load-failed`.
 */
export async function passModel(request: PassRequest): Promise<ReadonlyMap<string, ChannelStatistics>> {
  const { modelPath, linears, sequences, threads, onProgress } = request;
  const observer = await loadObserver(request.place);
  const collector = await observer.openCollector({ hessians: false, threads });
  try {
    for (const { name, columns } of linears) collector.want(name, columns);
    const tokens = Math.max(...sequences.map(({ length }) => length));
    const model = await observer.openModel({ modelPath, tokens, threads, collector });
    // What comes behind the last block is not computed.
    collector.endAt(observer.blockOutput(linears.at(-1)?.block ?? 0), model.width, 0);
    try {
      for (const [i, sequence] of sequences.entries()) {
        model.run(sequence);
        endSequence(collector);
        onProgress?.(i + 1, sequences.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      model.close();
    }
    return new Map(
      linears.flatMap(({ name }) => {
        const statistics = collector.statistics(name);
        return statistics === null ? [] : [[name, checkedStatistics(name, statistics)] as const];
      }),
    );
  } finally {
    collector.close();
  }
}
