/**
 * Keeps the end of what a child wrote to stderr: after a native crash these lines are all that is known.
 * Bounded in lines and in bytes, since a broken engine can print without end.
 */
export class StderrTail {
  readonly #maxLines: number;
  readonly #maxLineLength: number;
  readonly #lines: string[] = [];
  #partial = '';

  constructor(maxLines = 40, maxLineLength = 500) {
    this.#maxLines = maxLines;
    this.#maxLineLength = maxLineLength;
  }

  push(chunk: Buffer | string): void {
    const parts = (this.#partial + chunk.toString()).split('\n');
    this.#partial = (parts.pop() ?? '').slice(-this.#maxLineLength);
    for (const line of parts) this.#keep(line);
  }

  /** @returns the last lines, or null when nothing was written. */
  text(): string | null {
    const lines = this.#partial === '' ? this.#lines : [...this.#lines, this.#partial];
    return lines.length === 0 ? null : lines.join('\n');
  }

  #keep(line: string): void {
    if (line.trim() === '') return;
    this.#lines.push(line.slice(0, this.#maxLineLength));
    if (this.#lines.length > this.#maxLines) this.#lines.shift();
  }
}
