import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Link } from '../../../coordinator/log/chain.js';
import type { Fact, Log, Snapshots } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { SnapshotFile } from '../../../coordinator/log/snapshot-file.js';
import { Projection } from '../../../coordinator/projection.js';
import type { PointQueue } from '../../../coordinator/scheduler/state.js';
import { searchProgress, sweepStatus } from '../../../coordinator/scheduler/status.js';
import { draftSnapshot, framesOf, openProjection, valuesIn } from '../../../coordinator/snapshot/snapshot.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import { failure } from '../../../core/errors.js';
import { cases } from '../../support/cases.js';
import { openDispatcher } from '../../support/dispatcher.js';
import { sharedFolder } from '../../support/folder.js';
import { fakeSweep } from '../../support/sweeps.js';
import { aLease, aNode, aRecord, crashed, type Ending } from '../../support/wire-records.js';

const folder = sharedFolder();

const OPTIONS = {
  leaseSeconds: 30,
  lostSeconds: 60,
  forgetSeconds: 60,
  fixedFleet: false,
  incarnation: 'i-',
};
const AT = '2025-01-01T00:00:00Z';

/** A log in memory whose entries are known by their place, and which keeps snapshots. */
class KeptLog extends MemoryLog {
  bytes: Buffer | null = null;
  reads: number[] = [];

  override readonly snapshots: Snapshots = {
    read: async () => (this.bytes === null ? null : pieces(this.bytes)),
    begin: async () => {
      const frames: Uint8Array[] = [];
      return {
        add: async (bytes) => void frames.push(bytes),
        keep: async () => {
          this.bytes = Buffer.concat(frames);
        },
        drop: async () => undefined,
      };
    },
  };

  override async *links(after: number): AsyncGenerator<Link> {
    if (after < (await this.end()))
      yield { first: after + 1, last: after + 1, content: [], chain: `${after + 1}` };
  }

  override read<D extends 'head' | 'row' | 'full'>(after: number, detail: D) {
    this.reads.push(after);
    return super.read(after, detail);
  }
}

/** Pieces that end where no frame does. */
async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

const SEARCH = `  search: { strategy: tpe, budget: { trials: 6 } }\n  objectives: { decodeTokensPerSecond: max }\n`;
const DOCUMENTS = [
  fakeSweep(9, { name: 'plain' }),
  fakeSweep(9, { name: 'starts', measure: '{ starts: 2, maxStarts: 4 }' }),
  fakeSweep(6, { name: 'nodes', placement: '{ perNode: true, driftControl: false }' }),
  fakeSweep(12, { name: 'searched' }) + SEARCH,
];
const VIEWS = DOCUMENTS.map((document) => readSweep(document, []));
const ENDINGS: readonly Ending[] = [
  {},
  { warnings: ['cpu-steal'] },
  { valid: false },
  { failure: crashed },
  { failure: failure('model-missing', 'No such file.') },
];

const about = fc.record({
  sweep: fc.nat(VIEWS.length - 1),
  point: fc.nat(11),
  node: fc.nat(1),
  pick: fc.nat(),
});
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ fact: fc.constant('result' as const), about, ending: fc.nat(4) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      fact: fc.constantFrom(
        'submit',
        'cancel',
        'pause',
        'resume',
        'give-up',
        'reuse',
        'cordon',
        'delete',
        'pin',
        'unpin',
      ),
      about,
    }),
  },
);

/** Facts as they may come: of trials that nobody leased, too. */
function factsOf(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): Fact[] {
  const facts: Fact[] = [
    { fact: 'LeaseKeyCreated', key: 'k'.repeat(32), at: AT },
    ...DOCUMENTS.map(submission),
  ];
  const trials: string[] = [];
  for (const [index, one] of steps.entries()) {
    const view = VIEWS[one.about.sweep]!;
    const { sweepId } = view;
    const position = one.about.point % view.count;
    const node = view.placement.perNode ? `node-${one.about.node}` : null;
    const experiment = view.experimentAt(position, node);
    const reason = { reason: `for ${index}`, at: AT };
    const point = { sweepId, position, experimentId: experiment.id, node };
    if ('ending' in one) {
      const trialId = `t.${sweepId}.${position}.m${index}.1s${1 + (one.about.pick % 4)}.i-${index}-${'0'.repeat(24 - `${index}`.length)}${index}`;
      const start = 1 + (one.about.pick % 4);
      const lease = aLease(trialId, { sweepId, position, block: index, experiment, start });
      trials.push(trialId);
      facts.push({
        fact: 'ResultRecorded',
        record: aRecord(lease, aNode(`node-${one.about.node}`), { ...ENDINGS[one.ending]!, seconds: index }),
      });
    } else if (one.fact === 'submit') facts.push(submission(DOCUMENTS[one.about.sweep]!));
    else if (one.fact === 'cancel') facts.push({ fact: 'SweepCancelled', sweepId, ...reason });
    else if (one.fact === 'pause') facts.push({ fact: 'SweepPaused', sweepId, ...reason });
    else if (one.fact === 'resume') facts.push({ fact: 'SweepResumed', sweepId, ...reason });
    else if (one.fact === 'pin') facts.push({ fact: 'SweepPinned', sweepId, ...reason });
    else if (one.fact === 'unpin') facts.push({ fact: 'SweepUnpinned', sweepId, ...reason });
    else if (one.fact === 'delete') {
      facts.push({ fact: 'SweepDeleted', sweepId, ...reason }, submission(DOCUMENTS[one.about.sweep]!));
      trials.splice(0, Infinity, ...trials.filter((trialId) => !trialId.startsWith(`t.${sweepId}.`)));
    } else if (one.fact === 'cordon')
      facts.push({ fact: 'NodeCordoned', node: `node-${one.about.node}`, ...reason });
    else if (one.fact === 'give-up') facts.push({ fact: 'ExperimentGivenUp', ...point, ...reason });
    else if (trials.length > 0)
      facts.push({ fact: 'ResultReused', ...point, trialId: trials[one.about.pick % trials.length]! });
  }
  return facts;
}

function submission(document: string): Fact {
  const { sweepId } = readSweep(document, []);
  return { fact: 'SweepSubmitted', sweepId, document, models: [], submitter: 'test', at: AT };
}

/** Those that are not settled. */
function open({ settled }: PointQueue, positions: Iterable<number>): number[] {
  return [...new Set(positions)].filter((at) => !settled.has(at)).sort((a, b) => a - b);
}

/** Everything that facts have decided. */
function said(projection: Projection): unknown {
  const { state, position } = projection;
  const { leaseKey, forged, repeated, usage, cordoned, otherReleases, recorded, severalTurns } = state;
  const { deleted, pinned } = state;
  const trials = Array.from({ length: recorded.size }, (_, number) => recorded.idOf(number));
  const sweeps = [...state.sweeps].map(([id, sweep]) => {
    const { view, queues, trials: _, ...rest } = sweep;
    const of = [...queues].map(([key, queue]) => ({
      key,
      counts: queue.counts,
      disturbedBy: queue.disturbedBy,
      invalidBy: queue.invalidBy,
      tries: queue.tries,
      cut: queue.cut,
      // In which order is no fact.
      waiting: open(queue, queue.starts.waiting()),
      returned: open(queue, queue.returned),
      settled: [...queue.settled].sort(([a], [b]) => a - b),
      starts: [...queue.starts]
        .sort(([a], [b]) => a - b)
        .map(([at, count]) => [at, count, queue.starts.firstOf(at), queue.starts.saidOf(at)]),
    }));
    return [
      id,
      rest,
      of,
      sweepStatus(sweep),
      searchProgress(sweep),
      projection.submissionOf(id),
      projection.isDeleted(id, 1 + DOCUMENTS.length),
    ];
  });
  const known = VIEWS.flatMap((view) =>
    Array.from({ length: view.count }, (_, at) => state.known.validTrials(view.experimentAt(at, null).id)),
  );
  const entries = trials.map((trialId) => [trialId, recorded.numberOf(trialId), projection.entryOf(trialId)]);
  return {
    position,
    leaseKey,
    forged,
    repeated,
    usage,
    cordoned,
    otherReleases,
    severalTurns,
    deleted,
    pinned,
    sweeps,
    known,
    entries,
  };
}

async function replayed(log: Log): Promise<Projection> {
  const projection = new Projection(OPTIONS, () => undefined);
  await projection.catchUp(log);
  return projection;
}

async function keep(log: Log, projection: Projection): Promise<void> {
  await (await draftSnapshot(log, projection, []))!.keep();
}

describe('a start from a snapshot', () => {
  test('and the entries behind it gives the state of the whole log, whatever is in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(100), async (steps, share) => {
        const [log, facts] = [new KeptLog(), factsOf(steps)];
        const cut = 1 + Math.floor(((facts.length - 1) * share) / 100);
        await log.append(facts.slice(0, cut), 0);
        await keep(log, await replayed(log));
        await log.append(facts.slice(cut), await log.end());
        const warnings: string[] = [];
        const projection = await openProjection(log, OPTIONS, (sentence) => warnings.push(sentence));
        expect([warnings, projection.position]).toEqual([[], cut]);
        await projection.catchUp(log);
        expect(said(projection)).toEqual(said(await replayed(log)));
      }),
      { numRuns: cases(40) },
    );
  });

  test('is refused where it is damaged, cut short, of another release or of another log; then the whole log is read', async () => {
    const log = new KeptLog();
    await log.append(factsOf([]), 0);
    await keep(log, await replayed(log));
    const good = log.bytes!;
    const values: unknown[] = [];
    for await (const value of valuesIn(pieces(good))) values.push(value);
    const [head, ...rest] = values as [object, ...unknown[]];
    const withHead = (change: object) => Buffer.concat([...framesOf([{ ...head, ...change }, ...rest])]);
    const flipped = [40, good.length >> 1, good.length - 1].map((at) => {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 1;
      return bytes;
    });
    const bad = [
      ...flipped.map((bytes) => [bytes, 'it is damaged'] as const),
      [good.subarray(0, -1), 'it ends early'],
      [good.subarray(0, 0), 'it ends early'],
      [withHead({ release: '0.0.9' }), 'it is of another release'],
      [withHead({ format: 0 }), 'it is of another release'],
      [withHead({ position: 99 }), 'it knows more than the log holds'],
      [withHead({ chain: 'other' }), 'it is of another log'],
    ] as const;
    for (const [bytes, why] of bad) {
      log.bytes = bytes as Buffer;
      const warnings: string[] = [];
      const projection = await openProjection(log, OPTIONS, (sentence) => warnings.push(sentence));
      expect(warnings).toEqual([`The snapshot of the log is not used, and the whole log is read: ${why}.`]);
      expect(projection.position).toBe(0);
    }
  });

  test('goes on where the coordinator was that kept it, and reads nothing twice', async () => {
    const log = new KeptLog();
    const document = fakeSweep(5, { measure: '{ starts: 2 }' });
    const first = await openDispatcher({ log, snapshotEntries: 4 });
    await first.submit(document, [], 'test', false);
    const ask = async (dispatcher: typeof first) => {
      const event = { event: 'work-requested', now: 0, at: AT, node: 'node-a', deviceId: 'cpu0' } as const;
      return (await dispatcher.dispatch(event)).find((reply) => reply.command === 'grant')?.lease ?? null;
    };
    const join = (dispatcher: typeof first) =>
      dispatcher.dispatch({
        event: 'node-joined',
        now: 0,
        at: AT,
        profile: aNode(),
        instance: 'i',
        trialIds: [],
      });
    await join(first);
    for (let trial = 0; trial < 3; trial += 1)
      await first.dispatch({ event: 'reported', at: AT, record: aRecord((await ask(first))!) });
    // Under a lease when the snapshot is kept, and reported behind it.
    const running = (await ask(first))!;
    await first.keepSnapshot();
    const kept = log.bytes;
    expect(kept).not.toBeNull();
    await first.dispatch({ event: 'reported', at: AT, record: aRecord(running) });
    await first.keepSnapshot();
    expect(log.bytes, 'one entry more is not worth another').toBe(kept);

    log.reads = [];
    const second = await openDispatcher({ log });
    expect(log.reads).toEqual([5, 6]);
    expect(second.position).toBe(6);
    await join(second);
    const seen = new Set<string>();
    for (let lease = await ask(second); lease !== null; lease = await ask(second)) {
      seen.add(`${lease.position} ${lease.start}`);
      await second.dispatch({ event: 'reported', at: AT, record: aRecord(lease) });
    }
    expect(seen.size).toBe(6);
    const [sweep] = second.state.sweeps.values();
    expect(sweepStatus(sweep!)).toMatchObject({ state: 'done', complete: 5 });
  });
});

async function textOf(snapshots: Snapshots): Promise<string | null> {
  const bytes = await snapshots.read();
  if (bytes === null) return null;
  let text = '';
  for await (const piece of bytes) text += Buffer.from(piece).toString();
  return text;
}

test('a snapshot in a file is there whole, the old or the new one, whenever its writer dies', async () => {
  const path = join(folder, 'log.sqlite.snapshot');
  const file = new SnapshotFile(path);
  for (const generation of ['first', 'second']) {
    const before = await textOf(file);
    // Whoever dies here leaves a draft that nobody reads.
    writeFileSync(`${path}.draft`, 'half of');
    expect(await textOf(file)).toBe(before);
    const draft = await file.begin();
    for (const word of [generation, ' and whole']) await draft.add(Buffer.from(word));
    await draft.keep();
    expect(await textOf(file)).toBe(`${generation} and whole`);
  }
});
