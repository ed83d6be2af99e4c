import type { LatentLayerCall } from '../../../core/work/operator-call.js';
import type { Family, Substitute } from '../family.js';
import { likeFormats } from '../substitutes.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

function substitutesOf(call: LatentLayerCall): Substitute<LatentLayerCall>[] {
  const caches = (['bf16', 'fp8'] as const).filter((format) => format !== call.cacheFormat);
  return [
    ...caches.map((cacheFormat) => ({
      call: { ...call, cacheFormat },
      difference: `of a cache in ${cacheFormat}`,
    })),
    ...likeFormats(call.format).flatMap((format) => [
      { call: { ...call, format }, difference: `of ${format}` },
      ...caches.map((cacheFormat) => ({
        call: { ...call, format, cacheFormat },
        difference: `of ${format} with a cache in ${cacheFormat}`,
      })),
    ]),
  ];
}

export const LATENT_LAYER: Family<LatentLayerCall> = {
  name: 'latent-layer',
  tables: TABLES,
  grid: GRID,
  // Ten kernels and more.
  longestLaunchSeconds: 400e-6,
  standIn: { engine: 0.23, device: 0.13, call: 0.24 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf,
};
