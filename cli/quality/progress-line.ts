import type { QualityProgress } from '../../agent/quality/watch.js';
import { printable } from '../../core/input/printable.js';
import type { ProgressStream } from '../output/progress-writer.js';

/** Plain output gets a line for each of so many parts. */
const PARTS = 4;

/** Says how far a measurement is: one line kept up to date on a terminal, a few lines elsewhere. */
export class QualityProgressLine {
  readonly #stream: ProgressStream;
  #part = '';

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update({ what, done, total, value }: QualityProgress): void {
    const number = value === null ? '' : `  ${value.toPrecision(5)}`;
    const text = printable(`${what} ${done}/${total}${number}`);
    if (this.#stream.isTTY === true) {
      this.#stream.write(`\r\x1b[K${text}`);
      return;
    }
    const part = `${what} ${Math.floor((PARTS * done) / total)}`;
    if (part === this.#part || done * PARTS < total) return;
    this.#part = part;
    this.#stream.write(`${text}\n`);
  }

  end(): void {
    if (this.#stream.isTTY === true) this.#stream.write('\r\x1b[K');
  }
}
