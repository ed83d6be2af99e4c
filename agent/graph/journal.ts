import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Bodies } from '../../artifacts/files/bodies.js';
import {
  type ApplicationRecord,
  applicationSchema,
  CALL_SCHEMA,
  type CallRecord,
  type GraphRecord,
  readCall,
} from '../../core/graph/record.js';

/** Where a child keeps calls; paths, since it travels to another process. */
export interface CallsKept {
  /** While they end; whoever is given it again goes on there. Whoever gave it removes it. */
  readonly journal: string;
  /** Of everything that the answers follow from. */
  readonly identity: string;
  /** The store that gets them in the end. */
  readonly folder: string;
}

/** A line: the head, a call, an application that ended, or one that began. */
type Line =
  | { readonly graph: 1; readonly identity: string }
  | { readonly call: CallRecord }
  | { readonly application: ApplicationRecord }
  | { readonly begun: number };

/**
 * Calls on disk as they end: a process that is killed loses those that were on their way. Whoever opens it again with the same identity
 * goes on behind the last whole line; another identity begins anew.
 */
export class CallJournal {
  /** Which start this is, from 0. */
  readonly sitting: number;
  readonly #file: number;
  readonly #path: string;
  #bytes = 0;
  /** Answers of calls that ended well in applications that did not end, by application and call. */
  readonly #answers = new Map<number, Map<string, CallRecord>>();
  readonly #ended = new Map<number, ApplicationRecord>();
  readonly #begun = new Set<number>();

  constructor({ journal, identity }: CallsKept) {
    mkdirSync(dirname(journal), { recursive: true });
    this.#path = journal;
    this.#file = openSync(journal, existsSync(journal) ? 'r+' : 'w+');
    this.sitting = this.#goOn(identity);
    ftruncateSync(this.#file, this.#bytes);
    if (this.#bytes === 0) this.#write({ graph: 1, identity });
  }

  /** Applications that ended before. */
  get ended(): readonly ApplicationRecord[] {
    return [...this.#ended.values()];
  }

  /** @returns whether it had begun in an earlier sitting, and did not end there. */
  wasInterrupted(application: number): boolean {
    return this.#begun.has(application) && !this.#ended.has(application);
  }

  /** @returns what was said to a call in an earlier sitting; null = it has to be asked. */
  answered(application: number, call: string): CallRecord | null {
    return this.#answers.get(application)?.get(call) ?? null;
  }

  /** Notes that an application begins. */
  begin(application: number): void {
    this.#write({ begun: application });
  }

  append(call: CallRecord): void {
    this.#write({ call });
  }

  /** Notes that an application ended; what was said to its calls is not needed any more. */
  end(application: ApplicationRecord): void {
    this.#write({ application });
    this.#ended.set(application.application, application);
    this.#answers.delete(application.application);
  }

  /** @returns all calls so far, in the order in which they ended; each once. */
  *calls(): Generator<CallRecord> {
    const seen = new Set<string>();
    for (const line of linesOf(this.#path)) {
      const read = readLine(line);
      if (read === null || !('call' in read)) continue;
      const key = `${read.call.application}/${read.call.call}`;
      if (read.call.outcome === 'complete' && seen.has(key)) continue;
      seen.add(key);
      yield read.call;
    }
  }

  /** Hands the calls to a store. */
  async keep(store: Bodies): Promise<GraphRecord['calls']> {
    let items = 0;
    const calls = this.calls();
    function* pieces() {
      for (const call of calls) {
        items += 1;
        yield `${JSON.stringify(call)}\n`;
      }
    }
    const facts = await store.put(pieces());
    return { schema: CALL_SCHEMA, ...facts, items };
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: Line): void {
    const buffer = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let at = 0; at < buffer.length; )
      at += writeSync(this.#file, buffer, at, buffer.length - at, this.#bytes + at);
    this.#bytes += buffer.length;
  }

  /** Goes on behind the last line that is whole. @returns which start this is. */
  #goOn(identity: string): number {
    let sitting = 0;
    for (const text of linesOf(this.#path)) {
      const line = readLine(text);
      if (this.#bytes === 0) {
        if (line === null || !('graph' in line) || line.identity !== identity) return 0;
        sitting = 1;
      } else if (line === null) break;
      else sitting = Math.max(sitting, this.#note(line));
      this.#bytes += Buffer.byteLength(text) + 1;
    }
    return sitting;
  }

  #note(line: Line): number {
    if ('begun' in line) this.#begun.add(line.begun);
    else if ('application' in line) {
      this.#ended.set(line.application.application, line.application);
      this.#answers.delete(line.application.application);
      return line.application.sitting + 1;
    } else if ('call' in line) {
      const { application, call, outcome, sitting } = line.call;
      if (outcome === 'complete') {
        const calls = this.#answers.get(application) ?? new Map<string, CallRecord>();
        this.#answers.set(application, calls.set(call, line.call));
      }
      return sitting + 1;
    }
    return 0;
  }
}

function linesOf(path: string): string[] {
  // What stands behind the last end is half of a line.
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

function readLine(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line;
    if ('call' in line) return typeof readCall(JSON.stringify(line.call)) === 'string' ? null : line;
    if ('application' in line) return applicationSchema.safeParse(line.application).success ? line : null;
    return 'graph' in line || 'begun' in line ? line : null;
  } catch {
    return null;
  }
}
