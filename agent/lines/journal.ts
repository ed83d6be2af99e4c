import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { lines } from './lines.js';

/** Bytes of a file. */
export interface Range {
  readonly from: number;
  /** Not in it. */
  readonly to: number;
}

/** What lines are. */
export interface LineKind<T> {
  /** The first line: of everything that the others follow from. */
  readonly head: Readonly<Record<string, unknown>>;
  /** @returns what a line says; null for what is none: it was not written to its end, and nor was what stands behind it. */
  read(text: string): T | null;
  /** Hears of the lines that are there when the file is opened. @returns which start wrote it; null = it does not say. */
  note(value: T, place: Range): number | null;
}

/**
 * Lines on disk as they come: a process that is killed loses what it was at. None of them is kept in memory. Whoever opens the file again with the same head goes on behind the last
 * whole line; another head begins anew. No other process may have it open (`withLock`).
 */
export class LineJournal<T> {
  /** Which start this is, from 0. */
  readonly sitting: number;
  readonly #file: number;
  readonly #kind: LineKind<T>;
  #bytes = 0;

  constructor(path: string, kind: LineKind<T>) {
    this.#kind = kind;
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, existsSync(path) ? 'r+' : 'w+');
    this.sitting = this.#goOn();
    ftruncateSync(this.#file, this.#bytes);
    if (this.#bytes === 0) this.#write(JSON.stringify(kind.head));
  }

  /** @param text of the value as a line. @returns where it stands. */
  append(value: T, text = JSON.stringify(value)): Range {
    const from = this.#bytes;
    this.#write(text);
    return { from, to: this.#bytes };
  }

  /** @returns what stands in a part of the file, or behind its head. */
  *values({ from, to }: Range = { from: 0, to: this.#bytes }): Generator<T> {
    for (const { text } of lines(this.#file, from, to)) {
      const value = this.#kind.read(text);
      if (value !== null) yield value;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: string): void {
    const buffer = Buffer.from(`${line}\n`);
    for (let at = 0; at < buffer.length; )
      at += writeSync(this.#file, buffer, at, buffer.length - at, this.#bytes + at);
    this.#bytes += buffer.length;
  }

  #goOn(): number {
    const head = JSON.stringify(this.#kind.head);
    let sitting = 0;
    for (const { text, end } of lines(this.#file, 0, Number.POSITIVE_INFINITY)) {
      const from = this.#bytes;
      if (from === 0) {
        if (text !== head) return 0;
        sitting = 1;
      } else {
        const value = this.#kind.read(text);
        if (value === null) break;
        const wrote = this.#kind.note(value, { from, to: end });
        if (wrote !== null) sitting = Math.max(sitting, wrote + 1);
      }
      this.#bytes = end;
    }
    return sitting;
  }
}
