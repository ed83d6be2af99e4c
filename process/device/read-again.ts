import { closeSync, openSync, readSync } from 'node:fs';

/**
 * A small file of /proc or /sys that is read many times: opened once, read again from its start. The
 * kernel makes the text anew at every read from offset 0, and the path is not walked again.
 */
export class ReadAgain {
  readonly #descriptor: number;
  readonly #buffer: Buffer;
  #open = true;

  /** Throws what open(2) says when the file cannot be read. */
  constructor(path: string, capacityBytes = 4096) {
    this.#descriptor = openSync(path, 'r');
    this.#buffer = Buffer.allocUnsafe(capacityBytes);
  }

  /** @returns the text up to the capacity, or null when it cannot be read any more. */
  read(): string | null {
    if (!this.#open) return null;
    try {
      const bytes = readSync(this.#descriptor, this.#buffer, 0, this.#buffer.length, 0);
      return this.#buffer.toString('latin1', 0, bytes);
    } catch {
      // ESRCH: the process is gone; EIO, ENODATA: the sensor has nothing now.
      return null;
    }
  }

  /** @returns the text as a number, or null when it is none. */
  readNumber(): number | null {
    const text = this.read();
    if (text === null || text.trim() === '') return null;
    const value = Number(text);
    return Number.isFinite(value) ? value : null;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#descriptor);
  }
}
