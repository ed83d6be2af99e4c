import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { lastLine, lines } from './lines.js';

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
  /**
   * @returns what a line says; null for what is none: it was not written to its end, and nor was what stands
   *   behind it.
   */
  read(text: string): T | null;
  /**
   * Hears of the lines that are there when the file is opened.
   * @returns which start wrote it; null = it does not say.
   */
  note(value: T, place: Range): number | null;
  /** What has to be known of the lines when the file is opened; left out = all of them are read then. */
  readonly summary?: Summary;
}

/**
 * Stands between the lines from time to time, so that whoever opens the file reads those behind the last one
 * alone.
 */
export interface Summary {
  /** @returns what is known of all lines so far, as JSON keeps it. */
  give(): unknown;
  /** Takes what `give` gave. @throws for what it did not. */
  take(given: unknown): void;
}

/** How summaries begin, which lines do not. */
const SUMMARY = '{"summary":';
/** Reading so much takes some ten milliseconds. */
const SUMMARY_EVERY_BYTES = 2 ** 20;

/**
 * Lines on disk as they come: a process that is killed loses what it was at. None of them is kept in memory.
 * Whoever opens the file again with the same head goes on behind the last whole line; another head begins
 * anew. No other process may have it open (`withLock`).
 */
export class LineJournal<T> {
  /** Which start this is, from 0. */
  readonly sitting: number;
  readonly #file: number;
  readonly #kind: LineKind<T>;
  #bytes = 0;
  #summarized = 0;

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
    this.#summarize();
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

  /** Before a line, for by then the one before it was noted. */
  #summarize(): void {
    const { summary } = this.#kind;
    if (summary === undefined || this.#bytes - this.#summarized < SUMMARY_EVERY_BYTES) return;
    this.#write(JSON.stringify({ summary: summary.give(), sitting: this.sitting }));
    this.#summarized = this.#bytes;
  }

  #goOn(): number {
    const [first] = lines(this.#file, 0, Number.POSITIVE_INFINITY);
    if (first?.text !== JSON.stringify(this.#kind.head)) return 0;
    this.#bytes = first.end;
    let sitting = this.#takeSummary() ?? 1;
    this.#summarized = this.#bytes;
    for (const { text, end } of lines(this.#file, this.#bytes, Number.POSITIVE_INFINITY)) {
      // One that could not be taken.
      const isSummary = this.#kind.summary !== undefined && text.startsWith(SUMMARY);
      const value = isSummary ? null : this.#kind.read(text);
      if (value === null && !isSummary) break;
      const wrote = value === null ? null : this.#kind.note(value, { from: this.#bytes, to: end });
      if (wrote !== null) sitting = Math.max(sitting, wrote + 1);
      this.#bytes = end;
    }
    return sitting;
  }

  /** @returns which start this is by the last summary, behind which it goes on; null = none can be read. */
  #takeSummary(): number | null {
    const { summary } = this.#kind;
    const last = summary === undefined ? null : lastLine(this.#file, SUMMARY);
    if (last === null) return null;
    const sitting = orElse(() => {
      const said = JSON.parse(last.text) as { readonly summary: unknown; readonly sitting: number };
      summary?.take(said.summary);
      return said.sitting + 1;
    }, null);
    if (sitting !== null) this.#bytes = last.end;
    return sitting;
  }
}
