import { type FailureError, failed } from '../../core/errors.js';
import type { ChangeSignal } from './change-signal.js';

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

/** Entries after `after` up to the end of this moment. @throws FailureError where one is missing */
export async function* readEntries<Entry extends Numbered>(
  source: Source<Entry>,
  after: number,
): AsyncGenerator<Entry> {
  yield* consecutive(source, after, await source.end());
}

/**
 * Entries after `after`, then each one that comes, until the signal aborts. A log that closes has to notify, so that who
 * waits asks for its end and is notified.
 * @param pollSeconds how often to look without being notified
 * @throws FailureError where one is missing
 */
export async function* followEntries<Entry extends Numbered>(
  source: Source<Entry>,
  after: number,
  signal: AbortSignal,
  appended: ChangeSignal,
  pollSeconds = Number.POSITIVE_INFINITY,
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

/** One entry. @throws FailureError when it is not there */
export async function getEntry<Entry extends Numbered>(
  source: Source<Entry>,
  position: number,
): Promise<Entry> {
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
