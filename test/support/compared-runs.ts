import type { ResultRecord } from '../../core/result/result.js';
import { buildReport } from '../../report/build.js';
import { experimentOf } from './experiments.js';
import { completeTrial } from './records.js';

/** A report of these records. */
export const build = (records: readonly ResultRecord[]) =>
  buildReport(records, { sweepName: 's', objectives: [] });

/** A run of three starts a row, each in a block of its own, 4 % from the next one. */
export const run = (factor: number, quantizations = ['f16', 'q8_0'], starts = 3) =>
  build(
    quantizations.flatMap((quantization, position) =>
      Array.from({ length: starts }, (_, block) =>
        completeTrial({
          experiment: experimentOf({ quantization }),
          position,
          repeats: 8,
          slower: factor * (1 + 0.04 * ((block + 1) % 3) - 0.04),
          block,
          attempt: block + 1,
          sweepId: `s${factor}`,
        }),
      ),
    ),
  );
