import { chainOf, type Link } from './chain.js';
import { entryOf, partsOf } from './detail.js';
import { type Candidate, checkTerm, OwnTerm, type Term } from './leadership.js';
import {
  type AppendOutcome,
  type Detail,
  type Durability,
  type EntryAt,
  type Fact,
  type Log,
  type Snapshots,
  trialOf,
} from './log.js';
import { closedError, EntryReader, type Source } from './reading.js';

/** A log that lives as long as its process: for tests and for `log: { kind: memory }`. */
export class MemoryLog extends EntryReader implements Log {
  readonly snapshots: Snapshots | null = null;
  readonly #facts: Fact[] = [];
  readonly #trials = new Set<string>();
  #closed = false;

  async end(): Promise<number> {
    return this.#facts.length;
  }

  async append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome> {
    if (term !== undefined) checkTerm(term);
    if (this.#facts.length !== expected) return { appended: false, position: this.#facts.length };
    for (const fact of facts) {
      const trial = trialOf(fact);
      if (trial !== null) {
        if (this.#trials.has(trial)) continue;
        this.#trials.add(trial);
      }
      // A stored fact must not change when its writer goes on using the object.
      this.#facts.push(structuredClone({ ...fact, json: undefined }));
    }
    this.appended.notify();
    return { appended: true, position: this.#facts.length };
  }

  /** Nothing is stored, so checksums are made when somebody asks for them. */
  async *links(after: number): AsyncGenerator<Link> {
    let chain: string | null = null;
    for await (const { position, fact } of this.read(0, 'full')) {
      const link = { first: position, last: position, content: partsOf(fact) };
      chain = chainOf(chain, link);
      if (position > after) yield { ...link, chain };
    }
  }

  async lead(candidate: Candidate): Promise<Term> {
    return new OwnTerm(candidate);
  }

  async probe(): Promise<void> {}

  async durability(): Promise<Durability> {
    return { level: 'none', sentence: 'The log is in memory: it ends with this process.' };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.appended.notify();
  }

  protected source<D extends Detail>(detail: D): Source<EntryAt<D>> {
    const [facts, name] = [this.#facts, 'the log in memory'];
    const check = (): void => {
      if (this.#closed) throw closedError(name);
    };
    return {
      name,
      end: async () => {
        check();
        return facts.length;
      },
      *entries(after, end) {
        for (let position = after + 1; position <= end; position += 1) {
          check();
          const fact = facts[position - 1];
          if (fact !== undefined) yield entryOf(position, fact, detail);
        }
      },
    };
  }
}
