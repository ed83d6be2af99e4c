import { describe, expect, test } from 'vitest';
import type { ResultHead } from '../../coordinator/log/log.js';
import { check, hasChecker } from '../bench/chaos/check.js';
import type { Noted, Took } from '../bench/chaos/fleet.js';
import { operationsOf, pointOf, type Told } from '../bench/chaos/history.js';
import { sharedFolder } from '../support/folder.js';
import { aLease, aRecord } from '../support/wire-records.js';

interface Ran {
  readonly trialId: string;
  readonly node: string;
  readonly position: number;
  /** Seconds at which it was asked for; granted 0.1 s later, reported 1 s later, acknowledged 1.1 s later. */
  readonly at: number;
  readonly by: string;
}

const RUNS: readonly Ran[] = [
  { trialId: 't0', node: 'a', position: 0, at: 1, by: 'c0' },
  { trialId: 't1', node: 'b', position: 1, at: 1.05, by: 'c0' },
  { trialId: 't2', node: 'a', position: 2, at: 3, by: 'c0' },
  { trialId: 't3', node: 'b', position: 3, at: 9, by: 'c1' },
];

const noted = ({ node, trialId, position, by }: Ran, what: string, seconds: number): Noted => ({
  node,
  what,
  trialId,
  by,
  at: Math.round(seconds * 1e9),
  purpose: 'measure',
  point: pointOf({ id: 's1', position }),
});

/** What an agent that ran this wrote down. */
const journalOf = (run: Ran): Noted[] => [
  noted(run, 'asked', run.at),
  noted(run, 'granted', run.at + 0.1),
  noted(run, 'reported', run.at + 1),
  noted(run, 'acknowledged', run.at + 1.1),
];

const took = (address: string, entry: number, after: number, at: number): Took => ({
  address,
  entry,
  after: Math.round(after * 1e9),
  at: Math.round(at * 1e9),
});

const recordOf = ({ trialId, position }: Ran): ResultHead =>
  aRecord(aLease(trialId, { position })) as unknown as ResultHead;

/**
 * A run in which everything is as it should be: c0 leads, and from 8 s on c1. Entry 1 of the log is the
 * sweep.
 */
function aRun(changes: { runs?: readonly Ran[]; log?: readonly Ran[]; took?: readonly Took[] } = {}): Told {
  const { runs = RUNS, log = runs, took: terms = [took('c0', 1, 0, 0.5), took('c1', 4, 0, 8)] } = changes;
  const counted = new Map<string, readonly string[]>();
  for (const run of log) {
    const point = pointOf({ id: 's1', position: run.position });
    if (!counted.has(point)) counted.set(point, [run.trialId]);
  }
  const listed = [...counted.values()].flat();
  return {
    journal: runs.flatMap(journalOf).sort((one, other) => one.at - other.at),
    took: terms,
    log: log.map((run, index) => ({ record: recordOf(run), position: index + 2 })),
    seen: log.map((run, index) => ({ trialId: run.trialId, at: (20 + index) * 1e9 })),
    reads: ['c0', 'c1'].map((address) => ({ address, at: 30e9, trials: listed, counted })),
  };
}

const [t0, t1, t2, t3] = RUNS as [Ran, Ran, Ran, Ran];
/**
 * The same point again, on another node, while the first one runs, or after the other's lease has run out.
 */
const again = (at: number): Ran => ({ trialId: 't9', node: 'b', position: 2, at, by: 'c0' });

describe.skipIf(!hasChecker)('The checker of histories finds what is planted in them (needs Go)', () => {
  const folder = sharedFolder();
  const violated = (told: Told): string[] =>
    check(operationsOf(told), folder).flatMap(({ model, result }) => (result === 'holds' ? [] : [model]));

  test('nothing in a sound history, nor in one whose late result follows a lease that ran out', () => {
    expect(violated(aRun())).toEqual([]);
    // t2 is cut off; its lease ends 8 s after it was asked for; t9 is granted then, and reports first.
    const runs = [t0, t1, { ...again(11.5), by: 'c1' }];
    const late = [noted(t2, 'asked', 3), noted(t2, 'granted', 3.1), noted(t2, 'reported', 14)];
    const told = aRun({
      runs,
      log: [t0, t1, runs[2]!, t2],
      took: [took('c0', 1, 0, 0.5), took('c1', 3, 0, 8)],
    });
    const journal = [...told.journal, ...late.map((one) => ({ ...one, by: one.at > 8e9 ? 'c1' : 'c0' }))];
    expect(violated({ ...told, journal: journal.sort((a, b) => a.at - b.at) })).toEqual([]);
  });

  test('a result that was acknowledged and is lost', () => {
    expect(violated(aRun({ log: [t0, t1, t3] }))).toEqual(['terms', 'log', 'counted']);
  });

  test('a result that a watcher heard of before it was there', () => {
    const told = aRun();
    expect(violated({ ...told, seen: [{ trialId: 't3', at: 5e9 }] })).toEqual(['log']);
  });

  test('a result that is in the log twice', () => {
    expect(violated(aRun({ log: [t0, t1, t2, t1, t3] }))).toEqual(['terms', 'log', 'counted']);
  });

  test('a point that counts twice, or by the result that came later', () => {
    const told = aRun();
    const at = pointOf({ id: 's1', position: 2 });
    const reads = told.reads.map((read) => ({
      ...read,
      counted: new Map(read.counted).set(at, ['t2', 't9']),
    }));
    expect(violated({ ...told, reads })).toEqual(['counted']);
    const later = told.reads.map((read) => ({ ...read, counted: new Map(read.counted).set(at, ['t9']) }));
    expect(violated({ ...told, reads: later })).toEqual(['counted']);
  });

  test('two leases of one start', () => {
    const runs = [t0, t1, t2, again(3.5)];
    const terms = [took('c0', 1, 0, 0.5)];
    expect(violated(aRun({ runs, took: terms }))).toEqual(['leases']);
  });

  test('a lease of what has its result', () => {
    const runs = [t0, t1, t2, again(6)];
    expect(violated(aRun({ runs, took: [took('c0', 1, 0, 0.5)] }))).toEqual(['leases']);
  });

  test('a term that goes back: whoever takes over does not have what was acknowledged', () => {
    const terms = [took('c0', 1, 0, 0.5), took('c1', 3, 7, 8)];
    expect(violated(aRun({ took: terms }))).toEqual(['terms']);
  });

  test('a coordinator that leases and appends after its term', () => {
    const runs = [t0, t1, t2, { ...t3, by: 'c0' }];
    expect(violated(aRun({ runs }))).toEqual(['terms']);
  });

  test('entries in another order than that in which they were acknowledged', () => {
    expect(violated(aRun({ log: [t0, t2, t1, t3] }))).toEqual(['terms', 'log']);
  });

  test('coordinators that list other results than the log', () => {
    const told = aRun();
    const reads = told.reads.map((read, index) => ({ ...read, trials: index ? ['t0', 't1'] : read.trials }));
    expect(violated({ ...told, reads })).toEqual(['log']);
  });
});
