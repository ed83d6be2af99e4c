import type { Bodies } from '../../artifacts/files/bodies.js';
import {
  type ApplicationRecord,
  applicationSchema,
  CALL_SCHEMA,
  type CallRecord,
  type GraphRecord,
  readCall,
} from '../../core/graph/record.js';
import { LineJournal } from '../lines/journal.js';

/** Where a child keeps calls; paths, since it travels to another process. */
export interface CallsKept {
  /** While they end; whoever is given it again goes on there. Whoever gave it removes it. */
  readonly journal: string;
  /** Of everything that the answers follow from. */
  readonly identity: string;
  /** The store that gets them in the end. */
  readonly folder: string;
}

/** A line: a call, an application that ended, or one that began. */
type Line =
  | { readonly call: CallRecord }
  | { readonly application: ApplicationRecord }
  | { readonly begun: number };

/** Calls on disk as they end: a process that is killed loses those that were on their way. */
export class CallJournal {
  readonly #lines: LineJournal<Line>;
  /** Answers of calls that ended well in applications that did not end, by application and call. */
  readonly #answers = new Map<number, Map<string, CallRecord>>();
  readonly #ended = new Map<number, ApplicationRecord>();
  readonly #begun = new Set<number>();

  constructor({ journal, identity }: CallsKept) {
    this.#lines = new LineJournal(journal, {
      head: { graph: 1, identity },
      read: readLine,
      note: (line) => this.#note(line),
    });
  }

  /** Which start this is, from 0. */
  get sitting(): number {
    return this.#lines.sitting;
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
    this.#lines.append({ begun: application });
  }

  append(call: CallRecord): void {
    this.#lines.append({ call });
  }

  /** Notes that an application ended; what was said to its calls is not needed any more. */
  end(application: ApplicationRecord): void {
    this.#lines.append({ application });
    this.#note({ application });
  }

  /** @returns all calls so far, in the order in which they ended; each once. */
  *calls(): Generator<CallRecord> {
    const seen = new Set<string>();
    for (const line of this.#lines.values()) {
      if (!('call' in line)) continue;
      const key = `${line.call.application}/${line.call.call}`;
      if (line.call.outcome === 'complete' && seen.has(key)) continue;
      seen.add(key);
      yield line.call;
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
    this.#lines.close();
  }

  #note(line: Line): number | null {
    if ('begun' in line) {
      this.#begun.add(line.begun);
      return null;
    }
    if ('application' in line) {
      const { application, sitting } = line.application;
      this.#ended.set(application, line.application);
      this.#answers.delete(application);
      return sitting;
    }
    const { application, call, outcome, sitting } = line.call;
    if (outcome === 'complete') {
      const calls = this.#answers.get(application) ?? new Map<string, CallRecord>();
      this.#answers.set(application, calls.set(call, line.call));
    }
    return sitting;
  }
}

function readLine(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line;
    if ('call' in line) return typeof readCall(JSON.stringify(line.call)) === 'string' ? null : line;
    if ('application' in line) return applicationSchema.safeParse(line.application).success ? line : null;
    return 'begun' in line ? line : null;
  } catch {
    return null;
  }
}
