import { printable } from '../../core/input/printable.js';
import type { ProgressStream } from './progress-writer.js';

/** One line that is kept up to date on a terminal; elsewhere what is due is a line of its own. */
export class ProgressLine {
  readonly #stream: ProgressStream;
  #shown = false;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update(text: string, isDue: boolean): void {
    const line = printable(text);
    this.#shown = true;
    if (this.#stream.isTTY === true) this.#stream.write(`\r\x1b[2K${line}`);
    else if (isDue) this.#stream.write(`${line}\n`);
  }

  /** Writes a line that stays. */
  note(text: string): void {
    this.end();
    this.#stream.write(`${printable(text)}\n`);
  }

  /** Takes the line off a terminal. */
  end(): void {
    if (this.#stream.isTTY === true && this.#shown) this.#stream.write('\r\x1b[2K');
  }
}
