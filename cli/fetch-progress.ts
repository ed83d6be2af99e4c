import { printable } from '../core/input/printable.js';
import { formatValue } from '../core/metrics/format.js';
import type { ProgressStream } from './output/progress-writer.js';

/** Says how much of a model has come: one line kept up to date on a terminal, a line at each quarter elsewhere. */
export function fetchProgress(stream: ProgressStream, source: string) {
  const live = stream.isTTY === true;
  let quarter = -1;
  let shown = false;
  return {
    update(doneBytes: number, totalBytes: number | null): void {
      const of = totalBytes === null ? '' : ` of ${formatValue(totalBytes, 'B')}`;
      const line = printable(`fetching ${source}: ${formatValue(doneBytes, 'B')}${of}`);
      shown = true;
      if (live) {
        stream.write(`\r\x1b[2K${line}`);
        return;
      }
      const reached = totalBytes === null ? 0 : Math.floor((4 * doneBytes) / totalBytes);
      if (reached === quarter) return;
      quarter = reached;
      stream.write(`${line}\n`);
    },
    /** Takes the line off a terminal. */
    end(): void {
      if (live && shown) stream.write('\r\x1b[2K');
    },
  };
}
