import { readGgufHeader } from '../../formats/gguf/header.js';
import { planWalk } from './blocks.js';
import { checkedStatistics } from './reading.js';
import type { VisitLayer } from './request.js';
import { readStatistics, type StatisticsOrigin } from './saved.js';
import { readWeights } from './weights.js';

export interface SavedVisitRequest {
  readonly modelPath: string;
  /** As `statisticsFor` keeps it for this model. */
  readonly statisticsPath: string;
  readonly wanted: (name: string) => boolean;
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * A dense walk without running anything: layers in the same order, with statistics that were saved and
 * without Hessians; what `visit` gives back is not looked at.
 * @returns where the statistics come from.
 * @throws FailureError as `walkLayers` does.
 */
export async function visitSaved(request: SavedVisitRequest, visit: VisitLayer): Promise<StatisticsOrigin> {
  const { modelPath, statisticsPath, wanted, onProgress } = request;
  const { linears } = planWalk(readGgufHeader(modelPath), wanted);
  const { layers, origin } = await readStatistics(statisticsPath);
  for (const [i, linear] of linears.entries()) {
    const { name, block } = linear;
    const statistics = checkedStatistics(name, layers.get(name) ?? null);
    const weights = await readWeights(linear);
    await visit({ name, block, weights, statistics, hessian: null, calibrationSeconds: 0 });
    onProgress?.(i + 1, linears.length);
  }
  return origin;
}
