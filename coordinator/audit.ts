import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { failed } from '../core/errors.js';
import { fileProblem } from '../core/input/file-problem.js';
import type { Refusal } from '../proto/refusals.js';
import type { ResolvedConfig } from './config.js';

/** Who did something, and from where. */
export interface By {
  /** Certificate's common name, the token's name, the user that a proxy named, or `loopback`. */
  readonly name: string;
  /** Address of the connection. */
  readonly from: string;
}

/** What is noted; whoever reads it finds an action by its word. */
export type Action =
  | 'submit'
  | 'cancel'
  | 'delete'
  | 'pin'
  | 'unpin'
  | 'pause'
  | 'resume'
  | 'drain'
  | 'cordon'
  | 'uncordon'
  | 'join'
  | 'refuse-result'
  | 'offer-artifact'
  | 'read-log'
  | 'verify-log';

/**
 * Refusals of one name, and of all strangers together, that are noted in a second; of more, how many there
 * were.
 */
const REFUSALS_PER_SECOND = 20;

/**
 * Who did what, one JSON object a line, beside the log of facts and never instead of it: names, addresses,
 * ids and reasons, and no token, key or document. What cannot be written is told once and stops nobody.
 */
export class Audit {
  readonly #settings: ResolvedConfig['audit'];
  readonly #now: () => string;
  readonly #warn: (sentence: string) => void;
  #file: number | null = null;
  #bytes = 0;
  #failing = false;
  #second = '';
  readonly #refusals = new Map<string | null, number>();

  /** @throws FailureError where the file cannot be written: nobody finds out later that nothing was noted. */
  constructor(settings: ResolvedConfig['audit'], now: () => string, warn: (sentence: string) => void) {
    this.#settings = settings;
    this.#now = now;
    this.#warn = warn;
    try {
      this.#open();
    } catch (error) {
      const why = `The audit log ${settings?.file} cannot be written: ${fileProblem(error)}.`;
      throw failed('internal', why, 'Give the coordinator the right to it, or name another file in `audit`.');
    }
  }

  /** @param about ids and words that say what it was done to. */
  did(action: Action, { name, from }: By, about: Readonly<Record<string, unknown>>): void {
    this.#write({ at: this.#now(), who: name, from, action, ...about });
  }

  /** Somebody was not let in, or wanted what they may not. */
  refused({ who, from, code, message, where }: Refusal): void {
    if (this.#settings === null) return;
    const at = this.#now();
    const second = at.slice(0, 19);
    if (second !== this.#second) this.#tellRest(second);
    const refusals = (this.#refusals.get(who) ?? 0) + 1;
    this.#refusals.set(who, refusals);
    if (refusals <= REFUSALS_PER_SECOND)
      this.#write({ at, who, from, action: 'refused', where, code, message });
  }

  /** Goes on in a file of the same name: what was there may have been moved away. */
  reopen(): void {
    try {
      this.#close();
      this.#open();
    } catch (error) {
      this.#trouble(error);
    }
  }

  close(): void {
    this.#tellRest('');
    this.#close();
  }

  #tellRest(second: string): void {
    for (const [who, refusals] of this.#refusals) {
      const more = refusals - REFUSALS_PER_SECOND;
      if (more > 0) this.#write({ at: this.#now(), who, action: 'refused', more });
    }
    this.#second = second;
    this.#refusals.clear();
  }

  #write(entry: Readonly<Record<string, unknown>>): void {
    if (this.#settings === null) return;
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      if (this.#file === null) this.#open();
      if (this.#bytes > 0 && this.#bytes + line.length > this.#settings.maxBytes) this.#rotate();
      writeSync(this.#file!, line);
      this.#bytes += line.length;
      this.#failing = false;
    } catch (error) {
      this.#trouble(error);
    }
  }

  #trouble(error: unknown): void {
    if (!this.#failing) this.#warn(`the audit log takes nothing: ${fileProblem(error)}`);
    this.#failing = true;
  }

  /** `audit.jsonl` → `audit.jsonl.1` → `audit.jsonl.2` …; the last one goes. */
  #rotate(): void {
    const { file, keep } = this.#settings!;
    this.#close();
    const name = (n: number) => (n === 0 ? file : `${file}.${n}`);
    for (let n = keep - 1; n >= 0; n -= 1) {
      try {
        renameSync(name(n), name(n + 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    this.#open();
  }

  #open(): void {
    if (this.#settings === null) return;
    this.#file = openSync(this.#settings.file, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  #close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
