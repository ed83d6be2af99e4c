import { accessSync, constants, mkdirSync } from 'node:fs';
import { z } from 'zod';
import { writeSystemText } from '../../process/device/system-text.js';
import { Journal } from '../power/journal.js';
import { pathOf, SETTINGS, type SystemRoots, settingOf, type TunedHost, textOf } from './settings.js';

/**
 * What became of one file, or of a setting that has none to write: `changed`; `already` as it shall be; `left` to whoever changed
 * it since; `absent` on this machine; or `refused`, which somebody can do something about.
 */
export interface Outcome {
  readonly setting: string;
  /** The CPU or the interrupt, or the name of a file that not every machine has; null for the whole machine. */
  readonly part: string | null;
  readonly did: 'changed' | 'already' | 'left' | 'absent' | 'refused';
  /** What it says, from what to what, or why not. */
  readonly text: string;
}

/** Why somebody else may not. */
export const ONLY_ROOT = 'only root may write it';

/** What a file said before the first tuning, and what it was made to say. */
const entrySchema = z.strictObject({ before: z.string().max(1000), set: z.string().max(1000) });
type Entry = z.output<typeof entrySchema>;

interface Change {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** What became of a change that did not come about. */
type Refusal = Pick<Outcome, 'did' | 'text'>;

/**
 * Sets what of a host makes numbers move, as far as files can and this user may.
 * @param folder where it is written down, before anything is changed, what was there. A second tuning keeps what the first found.
 * @throws Error of the file system, or for a journal that cannot be read: then nothing is changed.
 */
export function tune(host: TunedHost, folder: string): Outcome[] {
  const { roots } = host;
  const journal = journalIn(folder, roots);
  const planned = SETTINGS.map((setting) => ({ setting, wanted: setting.wanted(host) }));
  const changes = planned
    .flatMap(({ wanted }) => ('files' in wanted ? [...wanted.files] : []))
    .flatMap(([id, to]) => {
      const from = textOf(id, roots);
      return from === null || from === to ? [] : [{ id, from, to }];
    });
  const refusals = new Map(changes.flatMap(({ id }) => closed(id, roots)));
  const open = changes.filter(({ id }) => !refusals.has(id));
  if (open.length > 0) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    journal.add(entriesOf(open, journal));
    for (const [id, refusal] of write(open, roots)) refusals.set(id, refusal);
    settle(open, journal, roots);
  }
  return planned.flatMap(({ setting: { name }, wanted }): Outcome[] => {
    if (!('files' in wanted)) return [{ setting: name, part: null, ...wanted }];
    return [...wanted.files].map(([id, to]) => {
      const change = changes.find((one) => one.id === id);
      return outcomeOf(id, change ?? to, refusals.get(id));
    });
  });
}

/**
 * Puts back what `tune` found. What says something else by now than it was made to say is left as it is.
 * @param folder what `tune` was given.
 * @returns nothing where nothing is written down, or not since the machine was started.
 * @throws Error for a journal that cannot be read.
 */
export function untune(roots: SystemRoots, folder: string): Outcome[] {
  const journal = journalIn(folder, roots);
  // All are read before any is written: a governor that is put back may change the energy preference.
  const entries = journal.ids.map((id) => {
    const now = settingOf(id) === null ? null : textOf(id, roots);
    return { id, now, ...journal.get(id)! };
  });
  const changes = entries
    .filter(({ now, before, set }) => now === set && now !== before)
    .map(({ id, set, before }) => ({ id, from: set, to: before }));
  const refusals = write(changes, roots);
  const kept = entries.filter(({ id, now }) => now === null || refusals.has(id)).map(({ id }) => id);
  if (kept.length < entries.length) journal.remove(...journal.ids.filter((id) => !kept.includes(id)));
  return entries.map(({ id, now, before, set }): Outcome => {
    const change = changes.find((one) => one.id === id);
    const refusal = refusals.get(id);
    // Even where nobody can help it: the host is not as it was.
    if (refusal !== undefined) return outcomeOf(id, before, { ...refusal, did: 'refused' });
    if (change !== undefined) return outcomeOf(id, change);
    if (now === before) return outcomeOf(id, before);
    if (now === null)
      return outcomeOf(id, before, { did: 'refused', text: `it cannot be read any more; it was ${before}` });
    const text = `${now}, which somebody set since: it was ${before}, and was made ${set}`;
    return outcomeOf(id, now, { did: 'left', text });
  });
}

/** @returns why a write did not come about, by the code that the system gave. */
export function refusalOf(code: string, isRoot: boolean): Refusal {
  if (code === 'EROFS')
    return { did: 'refused', text: 'it is read-only here, as in a container: do it on the host' };
  if (code === 'EACCES' || code === 'EPERM') {
    return isRoot
      ? { did: 'absent', text: `the kernel or the firmware keeps it as it is (${code})` }
      : { did: 'refused', text: ONLY_ROOT };
  }
  // An interrupt that its driver has bound to CPUs.
  if (code === 'EIO') return { did: 'absent', text: `the kernel keeps it as it is (${code})` };
  return { did: 'refused', text: `the kernel does not take it (${code})` };
}

function journalIn(folder: string, { procRoot }: SystemRoots): Journal<Entry> {
  return new Journal(folder, entrySchema, procRoot);
}

/** What was found first stays what is put back. */
function entriesOf(changes: readonly Change[], journal: Journal<Entry>): Map<string, Entry> {
  return new Map(
    changes.map(({ id, from, to }) => [id, { before: journal.get(id)?.before ?? from, set: to }]),
  );
}

/** @returns the refusal of a file that this user may not write; asked first, so that nothing is written down for it. */
function closed(id: string, roots: SystemRoots): [string, Refusal][] {
  try {
    accessSync(pathOf(id, roots), constants.W_OK);
    return [];
  } catch (error) {
    return [[id, refusal(error)]];
  }
}

/** Writes all in their order, whatever becomes of the others. @returns the refusals of those that do not say it afterwards. */
function write(changes: readonly Change[], roots: SystemRoots): Map<string, Refusal> {
  const thrown = new Map<string, unknown>();
  for (const { id, to } of changes) {
    try {
      writeSystemText(pathOf(id, roots), to);
    } catch (error) {
      thrown.set(id, error);
    }
  }
  return new Map(
    changes.flatMap(({ id, to }): [string, Refusal][] => {
      const now = textOf(id, roots);
      if (now === to) return [];
      const error = thrown.get(id);
      if (error !== undefined) return [[id, refusal(error)]];
      return [[id, { did: 'refused', text: `it says ${now ?? 'nothing'} after ${to} was written` }]];
    }),
  );
}

/** Leaves in the journal what has to be put back, with what it really says: some files take a value and round it. */
function settle(changes: readonly Change[], journal: Journal<Entry>, roots: SystemRoots): void {
  const seen = changes.map(({ id, to }) => ({ id, now: textOf(id, roots) ?? to, ...journal.get(id)! }));
  const rounded = seen.filter(({ now, set }) => now !== set);
  if (rounded.length === 0) return;
  journal.add(new Map(rounded.map(({ id, before, now }) => [id, { before, set: now }])));
  journal.remove(...rounded.filter(({ before, now }) => now === before).map(({ id }) => id));
}

function refusal(error: unknown): Refusal {
  const { code, message } = error as NodeJS.ErrnoException;
  return refusalOf(code ?? message, process.geteuid?.() === 0);
}

/** @param what the change, or what it says without one. */
function outcomeOf(id: string, what: Change | string, refusal?: Refusal): Outcome {
  const known = settingOf(id);
  const named = { setting: known?.setting.name ?? id, part: known?.part ?? null };
  if (refusal !== undefined) return { ...named, ...refusal };
  return typeof what === 'string'
    ? { ...named, did: 'already', text: what }
    : { ...named, did: 'changed', text: `${what.from} → ${what.to}` };
}
