import type { Collector } from '../../engines/native/collector.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { blockRuns } from './block-runs.js';
import { type Linear, planWalk } from './blocks.js';
import { checkedStatistics } from './reading.js';
import type { VisitLayer, WalkRequest, WalkSummary } from './request.js';
import { nameInSlice } from './slice.js';
import { readWeights } from './weights.js';

export type { VisitLayer, WalkRequest, WalkSummary } from './request.js';

/**
 * Runs calibration sequences through a model block by block. Each block becomes a small model that is loaded
 * alone, so memory holds one block, the sums over its inputs, and one sequence; hidden states wait in a file.
 * Dense: the outputs of a block as it is go into the next. Sequential: when `visit` gave pruned weights, the
 * block is run again with them (in the type of the file, as they will be stored) and its outputs then go on,
 * as the published code does. Blocks in a child process: native code computes on this thread.
 * @throws FailureError `model-unsupported` for an architecture that cannot be walked, weights that are no
 *   floats, or activations that are not finite; `disk-full`, `run-failed`; and whatever `visit` throws.
 */
export async function walkLayers(request: WalkRequest, visit: VisitLayer): Promise<WalkSummary> {
  const began = performance.now();
  const header = readGgufHeader(request.modelPath);
  const plan = planWalk(header, request.wanted);
  const seconds = { collecting: 0, again: 0, visiting: 0, total: 0 };
  const { sequences } = request;
  const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
  const runs = await blockRuns(request, header, plan);
  try {
    const last = plan.linears.at(-1)?.block ?? -1;
    for (let block = 0; block <= last; block++) {
      const linears = plan.linears.filter((linear) => linear.block === block);
      const collected = await timed(() => runs.collect(block, linears, block < last));
      seconds.collecting += collected.seconds;
      const sequential = request.order === 'sequential' && block < last;
      let replaced = 0;
      const visited = await timed(() =>
        visitBlock(linears, collected, visit, (name, weights) => {
          if (!sequential) return;
          runs.replace(name, weights);
          replaced++;
        }),
      );
      seconds.visiting += visited.seconds;
      if (replaced > 0) seconds.again += (await timed(() => runs.rerun())).seconds;
      runs.advance();
    }
  } finally {
    runs.end();
  }
  seconds.total = (performance.now() - began) / 1000;
  return { sequences: sequences.length, tokens, layers: plan.linears.length, seconds };
}

/** Shows the layers of a block, hands on the weights that come back, and closes the block's collector. */
async function visitBlock(
  linears: readonly Linear[],
  { value: collector, seconds }: Timed<Collector>,
  visit: VisitLayer,
  onPruned: (name: string, weights: Float32Array) => void,
): Promise<void> {
  try {
    for (const linear of linears) {
      const { name, block } = linear;
      const found = collector.statistics(nameInSlice(name));
      const weights = await visit({
        name,
        block,
        weights: await readWeights(linear),
        statistics: checkedStatistics(name, found),
        hessian: collector.hessian(nameInSlice(name)),
        calibrationSeconds: seconds / linears.length,
      });
      if (weights !== null) onPruned(name, weights);
    }
  } finally {
    collector.close();
  }
}

interface Timed<T> {
  readonly value: T;
  readonly seconds: number;
}

async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const began = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - began) / 1000 };
}
