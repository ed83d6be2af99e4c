import { type Layer, pruneLayer } from '../../../core/techniques/pruning/layer.js';
import { outputError } from '../../../core/techniques/pruning/report.js';
import { readSparsity } from '../../../core/techniques/sparsity.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../../engines/native/kernels.js';
import { type Interval, intervalOf } from './interval.js';
import { drawLayer } from './synthetic.js';

const WIDTHS = [256, 576, 1024, 4096];
/** Exchanges of a row: as published, and the share of a row that those are at a width of 4096. */
const BOUNDS = { published: () => 50, share: (columns: number) => Math.max(1, Math.round(columns / 82)) };

export interface WideRow {
  readonly columns: number;
  readonly mode: string;
  readonly exchanges: number;
  /** Logarithm of the output error on unseen inputs with DSnoT over that of Wanda alone. */
  readonly change: Interval;
}

/** What DSnoT does to the output error of Wanda’s mask at 60 %, by width, on synthetic layers of 64 rows. */
export async function widths(seeds: readonly number[]): Promise<WideRow[]> {
  const engine = await openPruningKernels(kernelsLibrary()!, 2);
  const errorOf = (layer: Layer, unseen: Float32Array, word: string) => {
    const reading = readSparsity(word);
    if (!reading.ok || reading.value === null) throw new Error(word);
    const { method, pattern } = reading.value;
    return outputError(layer.weights, pruneLayer(layer, method, pattern, engine).weights, unseen)!.relative!;
  };
  const rows: WideRow[] = [];
  for (const columns of WIDTHS) {
    const drawn = seeds.map((seed) => drawLayer({ rows: 64, columns, tokens: 512, seed }, false));
    const alone = drawn.map(({ layer, unseen }) => errorOf(layer, unseen, 'wanda:60%'));
    for (const mode of ['strict', 'reference'])
      for (const exchanges of new Set([BOUNDS.published(), BOUNDS.share(columns)])) {
        const word = `dsnot:60%?mode=${mode}&maxCycles=${exchanges}`;
        const changes = drawn.map(({ layer, unseen }, i) =>
          Math.log(errorOf(layer, unseen, word) / alone[i]!),
        );
        rows.push({ columns, mode, exchanges, change: intervalOf(changes) });
      }
  }
  return rows;
}
