import { describe, expect, test } from 'vitest';
import type { Dispatcher } from '../../../coordinator/dispatcher.js';
import type { AppendOutcome, Fact, Log } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import { type Failure, failed } from '../../../core/errors.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { openDispatcher } from '../../support/dispatcher.js';
import { fakeSweep } from '../../support/sweeps.js';
import { aNode, aRecord } from '../../support/wire-records.js';

function open(log: Log, logFailed?: (reason: Failure) => void): Promise<Dispatcher> {
  return openDispatcher({ log, ...(logFailed && { logFailed }) });
}

async function lease(dispatcher: Dispatcher, node = 'node-a') {
  const profile = aNode(node);
  await dispatcher.dispatch({ event: 'node-joined', now: 0, at: '', profile, instance: 'i', trialIds: [] });
  const replies = await dispatcher.dispatch({
    event: 'work-requested',
    now: 0,
    at: '',
    node,
    deviceId: 'cpu0',
  });
  const grant = replies.find((reply) => reply.command === 'grant');
  if (grant === undefined) throw new Error('no work');
  return grant.lease;
}

/** A log whose appends wait until the test lets them go. */
class SlowLog extends MemoryLog {
  gate: Promise<void> = Promise.resolve();
  override async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    await this.gate;
    return super.append(facts, expected);
  }
}

class FullLog extends MemoryLog {
  full = false;
  override async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    if (this.full) throw failed('disk-full', 'the disk of the log is full');
    return super.append(facts, expected);
  }
}

/** Counts its appends, and refuses those that hold a certain trial. */
class PickyLog extends MemoryLog {
  readonly appends: number[] = [];
  refused = '';
  /** Of a record's JSON. */
  most = Number.POSITIVE_INFINITY;
  override async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    this.appends.push(facts.length);
    if (facts.some((fact) => fact.fact === 'ResultRecorded' && fact.record.trialId === this.refused)) {
      throw failed('internal', 'this record is larger than the log takes');
    }
    if (facts.some((fact) => JSON.stringify(fact).length > this.most)) {
      throw failed('too-large', 'the log takes 100 kB at most');
    }
    return super.append(facts, expected);
  }
}

/** Leases of that many nodes, and a log that has seen nothing but their sweep. */
async function leased(count: number) {
  const log = new PickyLog();
  const failures: string[] = [];
  const dispatcher = await open(log, (reason) => failures.push(reason.message));
  await dispatcher.submit(fakeSweep(count), [], 'test', false);
  const reports: { event: 'reported'; at: string; record: ResultRecord }[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = `node-${index}`;
    const record = aRecord(await lease(dispatcher, node), aNode(node));
    reports.push({ event: 'reported', at: '', record });
  }
  log.appends.length = 0;
  return { log, failures, dispatcher, reports };
}

async function recordsOf(log: Log, trialId: string): Promise<ResultRecord[]> {
  const found: ResultRecord[] = [];
  for await (const { fact } of log.read(0, 'full')) {
    if (fact.fact === 'ResultRecorded' && fact.record.trialId === trialId) found.push(fact.record);
  }
  return found;
}

test('what needs nothing written is leased beside an append that is under way', async () => {
  const log = new SlowLog();
  const dispatcher = await open(log);
  await dispatcher.submit(fakeSweep(3), [], 'test', false);
  await lease(dispatcher, 'node-a');
  let letGo = (): void => {};
  log.gate = new Promise((resolve) => {
    letGo = resolve;
  });
  const submitted = dispatcher.submit(fakeSweep(4), [], 'test', false);
  const asked = { event: 'work-requested' as const, now: 0, at: '', node: 'node-a', deviceId: 'cpu1' };
  expect(await dispatcher.dispatch(asked)).toMatchObject([{ command: 'no-work' }]);
  letGo();
  await submitted;
});

test('a point whose late result is on its way into the log is not leased meanwhile', async () => {
  const log = new SlowLog();
  const dispatcher = await open(log);
  await dispatcher.submit(fakeSweep(1), [], 'test', false);
  const record = aRecord(await lease(dispatcher), aNode('node-a'));
  // Its lease has run out, and its point is in the queue again.
  await dispatcher.dispatch({ event: 'tick', now: 31, at: '' });
  let letGo = (): void => {};
  log.gate = new Promise((resolve) => {
    letGo = resolve;
  });
  const reported = dispatcher.dispatch({ event: 'reported', at: '', record });
  const asked = { event: 'work-requested' as const, now: 31, at: '', node: 'node-a', deviceId: 'cpu0' };
  const answer = dispatcher.dispatch(asked);
  letGo();
  expect(await reported).toEqual([{ command: 'acknowledge', trialId: record.trialId }]);
  expect(await answer).toMatchObject([{ command: 'no-work' }]);
});

describe('reports that come in together', () => {
  test('are written in one append, each acknowledged to whoever sent it', async () => {
    const { log, dispatcher, reports } = await leased(5);
    const before = await log.end();
    const replies = await Promise.all(reports.map((report) => dispatcher.dispatch(report)));
    expect(log.appends).toEqual([5]);
    expect(await log.end()).toBe(before + 5);
    expect(replies).toEqual(
      reports.map(({ record }) => [{ command: 'acknowledge', trialId: record.trialId }]),
    );
  });

  test('one that is too large for the log is recorded as a failed trial, and its agent told to keep it', async () => {
    const { log, failures, dispatcher, reports } = await leased(3);
    log.most = 100_000;
    const [first, large, last] = reports as [(typeof reports)[0], (typeof reports)[0], (typeof reports)[0]];
    const record = { ...large.record, tokenSeconds: [Array<number>(20_000).fill(0.0123)] };
    const replies = await Promise.all(
      [first, { ...large, record }, last].map((report) => dispatcher.dispatch(report)),
    );
    const { trialId } = record;
    expect(replies).toEqual([
      [{ command: 'acknowledge', trialId: first.record.trialId }],
      [{ command: 'refuse', trialId, reason: 'the log takes 100 kB at most' }],
      [{ command: 'acknowledge', trialId: last.record.trialId }],
    ]);
    // The log works: nobody is told otherwise.
    expect(failures).toEqual([]);
    expect(dispatcher.leads).toBe(true);
    const [kept] = await recordsOf(log, trialId);
    expect(kept).toMatchObject({ status: 'failed', failure: { code: 'too-large' }, tokenSeconds: [] });
    const [sweep] = [...dispatcher.state.sweeps.values()];
    expect(sweepStatus(sweep!)).toMatchObject({ complete: 2, failed: 1 });
    // Said again, because its answer was lost: nothing is written twice.
    const end = await log.end();
    await dispatcher.dispatch({ ...large, record });
    expect(await log.end()).toBe(end);
  });

  test('one that the log refuses does not hold back the others', async () => {
    const { log, failures, dispatcher, reports } = await leased(3);
    const before = await log.end();
    log.refused = reports[1]!.record.trialId;
    const outcomes = await Promise.allSettled(reports.map((report) => dispatcher.dispatch(report)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    // All together, then each alone; only what was refused alone is a failure of the log.
    expect(log.appends).toEqual([3, 1, 1, 1]);
    expect(failures).toEqual(['this record is larger than the log takes']);
    expect(await log.end()).toBe(before + 2);
    const { recorded } = dispatcher.state;
    expect(reports.map(({ record }) => recorded.has(record.trialId))).toEqual([true, false, true]);
    expect(recorded.size).toBe(2);
  });

  test('one that comes twice is written once and acknowledged twice', async () => {
    const { log, dispatcher, reports } = await leased(2);
    const before = await log.end();
    const [first, second] = [reports[0]!, reports[1]!];
    const replies = await Promise.all([first, second, first].map((report) => dispatcher.dispatch(report)));
    expect(replies.flat().map(({ command }) => command)).toEqual(new Array(3).fill('acknowledge'));
    // Of one point two are never written together: what the second means depends on the first.
    expect(log.appends).toEqual([2]);
    expect(await log.end()).toBe(before + 2);
  });

  test('those that are large together are written apart', async () => {
    const { log, dispatcher, reports } = await leased(3);
    await Promise.all(reports.map((report) => dispatcher.dispatch(report, 600_000)));
    expect(log.appends).toEqual([1, 1, 1]);
  });

  test('when another coordinator wrote first, all are told to ask again, and nothing is half done', async () => {
    const { log, dispatcher, reports } = await leased(2);
    const other = await open(log);
    await other.submit(fakeSweep(1, { name: 'other' }), [], 'test', false);
    const before = await log.end();
    const outcomes = await Promise.allSettled(reports.map((report) => dispatcher.dispatch(report)));
    expect(outcomes.map((one) => one.status === 'rejected' && one.reason.code)).toEqual([
      'conflict',
      'conflict',
    ]);
    expect(await log.end()).toBe(before);
    await Promise.all(reports.map((report) => dispatcher.dispatch(report)));
    expect(await log.end()).toBe(before + 2);
  });
});

describe('dispatcher', () => {
  test('says that the log cannot be written, and takes the same result once it can', async () => {
    const log = new FullLog();
    const failures: string[] = [];
    const dispatcher = await open(log, (reason) => failures.push(reason.code));
    await dispatcher.submit(fakeSweep(2), [], 'test', false);
    const record = aRecord(await lease(dispatcher));
    log.full = true;
    await expect(dispatcher.dispatch({ event: 'reported', at: '', record })).rejects.toThrow(/is full/);
    expect(failures).toEqual(['disk-full']);
    expect(dispatcher.leads).toBe(false);
    // Told when it begins, and not at every try.
    await expect(dispatcher.dispatch({ event: 'reported', at: '', record })).rejects.toThrow(/is full/);
    expect(failures).toEqual(['disk-full']);
    expect([dispatcher.logHealth.failure?.code, dispatcher.logHealth.refusedAppends]).toEqual([
      'disk-full',
      2,
    ]);
    log.full = false;
    const replies = await dispatcher.dispatch({ event: 'reported', at: '', record });
    expect(dispatcher.logHealth.failure).toBeNull();
    expect(replies.map((reply) => reply.command)).toEqual(['acknowledge']);
    // The key, the sweep, the result.
    expect(await log.end()).toBe(3);
  });

  test('a lease that came with what could not be written is nobody’s, and its device is given another at once', async () => {
    const log = new FullLog();
    const dispatcher = await open(log);
    await dispatcher.submit(fakeSweep(1), [], 'test', false);
    await dispatcher.dispatch({ event: 'reported', at: '', record: aRecord(await lease(dispatcher)) });
    // Its first point is taken over from the other sweep, which is to be written; its second one is leased.
    await dispatcher.submit(fakeSweep(2), [], 'test', false);
    log.full = true;
    await expect(lease(dispatcher)).rejects.toThrow(/is full/);
    expect(dispatcher.state.leases.size).toBe(0);
    log.full = false;
    await dispatcher.tryLog();
    expect(await lease(dispatcher)).toMatchObject({ purpose: 'measure' });
  });

  test('an acknowledgement leaves only after the log has the result', async () => {
    const log = new SlowLog();
    const dispatcher = await open(log);
    await dispatcher.submit(fakeSweep(2), [], 'test', false);
    const given = await lease(dispatcher);
    let release: () => void = () => undefined;
    log.gate = new Promise((resolve) => {
      release = resolve;
    });
    let acknowledged = false;
    const reported = dispatcher
      .dispatch({ event: 'reported', at: '', record: aRecord(given) })
      .then((replies) => {
        acknowledged = replies.some((reply) => reply.command === 'acknowledge');
      });
    await new Promise((resolve) => setImmediate(resolve));
    expect([acknowledged, await log.end()]).toEqual([false, 2]);
    // A slow log is no reason to look for another leader.
    expect(dispatcher.leads).toBe(true);
    release();
    await reported;
    expect([acknowledged, await log.end()]).toEqual([true, 3]);
  });

  test('two coordinators on one log: the one that was late learns what it missed and loses nothing', async () => {
    const log = new MemoryLog();
    const one = await open(log);
    const { view } = await one.submit(fakeSweep(2), [], 'test', false);
    const two = await open(log);
    const [first, second] = [await lease(one, 'node-a'), await lease(two, 'node-b')];
    await one.dispatch({ event: 'reported', at: '', record: aRecord(first) });
    const late = { event: 'reported' as const, at: '', record: aRecord(second, aNode('node-b')) };
    await expect(two.dispatch(late)).rejects.toMatchObject({ code: 'conflict' });
    expect([one.leads, two.leads]).toEqual([true, false]);
    // The agent says it again, as after every break.
    const replies = await two.dispatch(late);
    expect(replies).toContainEqual({ command: 'acknowledge', trialId: second.trialId });
    expect(await log.end()).toBe(4);
    expect(two.leads).toBe(true);
    // Both had allocated the same point: it counts once.
    expect(sweepStatus(two.state.sweeps.get(view.sweepId)!)).toMatchObject({ complete: 1 });
  });

  test('a sweep that this release cannot read any more is left alone, and said so', async () => {
    const log = new MemoryLog();
    const about = { models: [], submitter: 'old', at: '2025-01-01T00:00:00Z' };
    await log.append([{ fact: 'SweepSubmitted', sweepId: 'sold', document: 'kind: Swoop', ...about }], 0);
    await log.append([{ fact: 'SweepSubmitted', sweepId: 'sother', document: fakeSweep(1), ...about }], 1);
    const warnings: string[] = [];
    const dispatcher = await openDispatcher({
      log,
      warn: (sentence) => warnings.push(sentence),
    });
    expect(dispatcher.state.sweeps.size).toBe(0);
    expect(warnings).toEqual([
      expect.stringContaining('Sweep sold cannot be read any more'),
      expect.stringContaining('Sweep sother was written by another release'),
    ]);
  });
});
