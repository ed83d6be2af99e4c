import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calibrationSequences } from '../../../artifacts/calibration/sequences.js';
import { walkLayers } from '../../../artifacts/calibration/walk.js';
import type { Layer } from '../../../core/techniques/pruning/layer.js';

/** Where the other side finds a layer: file names in the folder. */
export interface DumpedLayer {
  readonly key: string;
  readonly block: number;
  readonly rows: number;
  readonly columns: number;
  readonly ratio: number;
  readonly weights: string;
  readonly squares: string;
  readonly sums: string;
  readonly variance: string;
  readonly mask: string;
}

/** One linear layer on both sides. */
export interface BenchLayer {
  readonly layer: Layer;
  readonly dumped: DumpedLayer;
}

/** Calibrates a model and writes every layer's weights and statistics for the other side. */
export async function dumpLayers(
  modelPath: string,
  textPath: string,
  folder: string,
  ratio: number,
): Promise<BenchLayer[]> {
  const windows = { scheme: 'random', seed: 0 } as const;
  const sequences = await calibrationSequences({ modelPath, textPath, sequences: 4, tokens: 128, windows });
  const layers: BenchLayer[] = [];
  await walkLayers(
    {
      modelPath,
      sequences,
      order: 'dense',
      wanted: () => true,
      hessians: false,
      // Not timed; on a busy machine two would wait for each other.
      threads: 1,
      scratchFolder: join(folder, 'walk'),
    },
    ({ name, block, weights, statistics }) => {
      const file = (part: string, values: Float32Array) => {
        const path = `${name}.${part}`;
        writeFileSync(
          join(folder, path),
          new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
        );
        return path;
      };
      const dumped = {
        key: name.replace(/^blk\.\d+\.|\.weight$/g, ''),
        block,
        rows: weights.rows,
        columns: weights.columns,
        ratio,
        weights: file('weights', weights.values),
        squares: file('squares', statistics.squaresPerSequence),
        sums: file('sums', statistics.sumPerSequence),
        variance: file('variance', statistics.variance),
        mask: `${name}.mask`,
      };
      layers.push({ layer: { name, weights, statistics, hessian: null }, dumped });
      return null;
    },
  );
  writeFileSync(join(folder, 'layers.json'), JSON.stringify(layers.map(({ dumped }) => dumped)));
  return layers;
}
