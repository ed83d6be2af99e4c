import { createHash } from 'node:crypto';
import type { ResultHead } from '../../../coordinator/log/log.js';
import { LEASE_SECONDS, type Noted, type Took } from './fleet.js';

/** One operation for the checker (checker/main.go says what its fields are). */
export interface Operation {
  readonly model: 'terms' | 'leases' | 'log' | 'counted';
  readonly key: string;
  readonly client: number;
  readonly call: number;
  readonly return: number;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** What is known of a run when it is over. */
export interface Told {
  readonly journal: readonly Noted[];
  readonly took: readonly Took[];
  /** Results of the log in their order, with their entries. */
  readonly log: readonly { readonly record: ResultHead; readonly position: number }[];
  /** Results that a watcher heard of, with the time. */
  readonly seen: readonly { readonly trialId: string; readonly at: number }[];
  /** What each coordinator says at last: every result, and those that count, as points with their trials. */
  readonly reads: readonly {
    readonly address: string;
    readonly at: number;
    readonly trials: readonly string[];
    readonly counted: ReadonlyMap<string, readonly string[]>;
  }[];
}

/** What the journals say of one trial. */
interface Trial {
  readonly trialId: string;
  readonly node: string;
  readonly point: string;
  readonly asked: number;
  readonly granted: number;
  readonly grantedBy: string;
  /** No coordinator may take it for lost before. */
  until: number;
  /** When the node ran it no more, without a result. */
  gone: number | null;
  /** Its result is in the memory of its agent alone. */
  unwritten: boolean;
  reported: number | null;
  readonly reportedTo: Set<string>;
  acknowledged: number | null;
}

/** Of what may still happen, or has happened without an answer. */
const NEVER = Number.MAX_SAFE_INTEGER;

export const pointOf = ({
  id,
  position,
  start,
}: {
  readonly id: string;
  readonly position: number;
  readonly start?: number | undefined;
}): string => `${id} ${position} ${start ?? 1}`;

export const digestOf = (trials: readonly string[]): string =>
  createHash('sha256').update(trials.join('\n')).digest('hex');

/** @returns what porcupine is asked about. */
export function operationsOf(told: Told): Operation[] {
  const trials = trialsOf(told.journal);
  const ranks = new Map<string, number[]>();
  for (const [index, { record }] of told.log.entries())
    ranks.set(record.trialId, [...(ranks.get(record.trialId) ?? []), index + 1]);
  const nodes = [...new Set(told.journal.map(({ node }) => node))];
  const operations: Operation[] = [];
  for (const trial of trials.values()) {
    const client = nodes.indexOf(trial.node);
    operations.push(...leaseOperations(trial, client));
    // Neither answered nor there: it has not happened, and may not have been sent at all.
    const at = ranks.get(trial.trialId) ?? [];
    if (trial.reported === null || (at.length === 0 && trial.acknowledged === null)) continue;
    const done = { client, call: trial.reported, return: trial.acknowledged ?? NEVER };
    const result = { ...done, trial: trial.trialId, ranks: at };
    operations.push(
      { model: 'terms', key: 'log', kind: 'append', ...result, by: [...trial.reportedTo] },
      { model: 'leases', key: trial.point, kind: 'record', ...done, trial: trial.trialId },
      { model: 'log', key: 'log', kind: 'append', ...result },
      { model: 'counted', key: trial.point, kind: 'record', ...result },
    );
  }
  return [...operations, ...termOperations(told, nodes.length), ...readOperations(told, ranks, nodes.length)];
}

function leaseOperations(trial: Trial, client: number): Operation[] {
  const { trialId, point, asked, granted, grantedBy } = trial;
  const grant = { kind: 'grant', client, call: asked, return: granted, trial: trialId };
  const lapses = Math.max(granted, Math.min(trial.until, trial.gone ?? NEVER));
  return [
    { model: 'terms', key: 'log', ...grant, by: [grantedBy] },
    { model: 'leases', key: point, ...grant },
    { model: 'leases', key: point, kind: 'lapse', client, call: lapses, return: NEVER, trial: trialId },
  ];
}

function termOperations({ took, log }: Told, client: number): Operation[] {
  return took.map(({ address, entry, after, at }) => ({
    model: 'terms' as const,
    key: 'log',
    kind: 'acquire',
    client,
    call: after,
    return: at,
    by: [address],
    count: log.filter(({ position }) => position <= entry).length,
  }));
}

function readOperations(
  { log, seen, reads }: Told,
  ranks: ReadonlyMap<string, readonly number[]>,
  client: number,
): Operation[] {
  const operations: Operation[] = seen.map(({ trialId, at }) => ({
    model: 'log' as const,
    key: 'log',
    kind: 'seen',
    client,
    call: at,
    return: at,
    trial: trialId,
    count: ranks.get(trialId)?.[0] ?? 0,
  }));
  // Who measured a start again is in the log, and in no list.
  const known = new Set<string>();
  const listed = log.flatMap(({ record }) => {
    const point = pointOf(record.sweep);
    if (known.has(point)) return [];
    known.add(point);
    return [record.trialId];
  });
  for (const [index, { at, trials, counted }] of reads.entries()) {
    const read = { client: client + 1 + index, call: at, return: at };
    operations.push({
      model: 'log' as const,
      key: 'log',
      kind: 'read',
      ...read,
      count: log.length,
      digest: digestOf(trials),
      expected: digestOf(listed),
    });
    for (const point of known)
      operations.push({
        model: 'counted' as const,
        key: point,
        kind: 'count',
        ...read,
        trials: counted.get(point) ?? [],
      });
  }
  return operations;
}

/** Reads the journals, which are in the order of time. */
export function trialsOf(journal: readonly Noted[]): Map<string, Trial> {
  const trials = new Map<string, Trial>();
  const asked = new Map<string, number>();
  const hellos = new Map<string, Noted>();
  for (const noted of journal) {
    const { at, node, what, trialId = '', by } = noted;
    const trial = trials.get(trialId);
    if (what === 'asked') asked.set(node, at);
    else if (what === 'hello') hellos.set(node, noted);
    else if (what === 'welcome') {
      // Whoever welcomed it has heard what it runs.
      const hello = hellos.get(node);
      for (const name of hello?.trials ?? []) extend(trials.get(name), hello!.at);
    } else if (what === 'granted' && trial === undefined) {
      const began = asked.get(node) ?? at;
      trials.set(trialId, {
        trialId,
        node,
        point: noted.point!,
        asked: began,
        granted: at,
        grantedBy: by ?? '',
        until: began + LEASE_SECONDS * 1e9,
        gone: null,
        unwritten: false,
        reported: null,
        reportedTo: new Set<string>(),
        acknowledged: null,
      });
    } else if (what === 'killed') {
      // What was reported is in the spool, unless its disk was full; what ran is gone.
      for (const one of trials.values())
        if (one.node === node && (one.reported === null || one.unwritten)) one.gone ??= at;
    } else if (trial === undefined) continue;
    else if (what === 'stopped') trial.gone ??= at;
    else if (what === 'unwritten') trial.unwritten = true;
    else if (what === 'reported') {
      trial.reported ??= at;
      if (by) trial.reportedTo.add(by);
    } else if (what === 'acknowledged') trial.acknowledged ??= at;
  }
  return trials;
}

function extend(trial: Trial | undefined, from: number): void {
  if (trial !== undefined) trial.until = Math.max(trial.until, from + LEASE_SECONDS * 1e9);
}
