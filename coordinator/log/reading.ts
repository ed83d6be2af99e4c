import { type FailureError, failed } from '../../core/errors.js';
import { ChangeSignal } from './change-signal.js';
import type { Detail, EntryAt } from './log.js';

interface Numbered {
  readonly position: number;
}

/** What readers are given by each log. */
export interface Source<Entry extends Numbered> {
  /** Of the log, as it is called in messages: `the log /data/log.sqlite`. */
  readonly name: string;
  /** Position of the last entry. @throws when the log is closed */
  end(): Promise<number>;
  /** Entries after `after` up to `end`, oldest first. @throws when the log is closed meanwhile */
  entries(after: number, end: number): AsyncIterable<Entry> | Iterable<Entry>;
}

/**
 * How logs give their entries, which are checked for gaps. A log that closes has to notify, so that who
 * follows asks for its end.
 */
export abstract class EntryReader {
  protected readonly appended = new ChangeSignal();
  /** How often a follower looks without being notified. */
  protected readonly pollSeconds: number = Number.POSITIVE_INFINITY;

  protected abstract source<D extends Detail>(detail: D): Source<EntryAt<D>>;

  read<D extends Detail>(after: number, detail: D): AsyncGenerator<EntryAt<D>> {
    return readEntries(this.source(detail), after);
  }

  follow<D extends Detail>(after: number, signal: AbortSignal, detail: D): AsyncGenerator<EntryAt<D>> {
    return followEntries(this.source(detail), after, signal, this.appended, this.pollSeconds);
  }

  get<D extends Detail>(position: number, detail: D): Promise<EntryAt<D>> {
    return getEntry(this.source(detail), position);
  }
}

async function* readEntries<Entry extends Numbered>(
  source: Source<Entry>,
  after: number,
): AsyncGenerator<Entry> {
  yield* consecutive(source, after, await source.end());
}

async function* followEntries<Entry extends Numbered>(
  source: Source<Entry>,
  after: number,
  signal: AbortSignal,
  appended: ChangeSignal,
  pollSeconds: number,
): AsyncGenerator<Entry> {
  let position = after;
  while (!signal.aborted) {
    const end = await source.end();
    if (end <= position) {
      await appended.wait(signal, pollSeconds);
      continue;
    }
    for await (const entry of consecutive(source, position, end)) {
      if (signal.aborted) return;
      yield entry;
      position = entry.position;
    }
  }
}

async function getEntry<Entry extends Numbered>(source: Source<Entry>, position: number): Promise<Entry> {
  for await (const entry of consecutive(source, position - 1, position)) return entry;
  throw gap(source.name, position, null);
}

/** A log was closed while somebody read it. */
export function closedError(name: string): FailureError {
  return failed(
    'internal',
    `${sentence(name)} was closed while it was read.`,
    'Read it again when the coordinator is back.',
  );
}

async function* consecutive<Entry extends Numbered>(
  source: Source<Entry>,
  after: number,
  end: number,
): AsyncGenerator<Entry> {
  let position = after;
  for await (const entry of source.entries(after, end)) {
    if (entry.position !== position + 1) throw gap(source.name, position + 1, entry.position);
    position += 1;
    yield entry;
  }
  if (position < end) throw gap(source.name, position + 1, null);
}

function gap(name: string, missing: number, found: number | null): FailureError {
  const after = found === null ? '' : `: entry ${found} comes in its place`;
  return failed(
    'internal',
    `${sentence(name)} has no entry ${missing}${after}.`,
    'It is damaged: restore it from a copy; what agents still keep they report again.',
  );
}

/** @returns a name as it begins a sentence. */
export function sentence(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
