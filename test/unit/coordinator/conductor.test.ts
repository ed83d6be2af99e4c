import { describe, expect, test } from 'vitest';
import { Conductor } from '../../../coordinator/conductor.js';
import type { AppendOutcome, Fact, Log } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import { FailureError, failure } from '../../../core/errors.js';
import { fakeSweep } from '../../support/sweeps.js';
import { aNode, aRecord } from '../../support/wire-records.js';

const clock = { now: () => 0, at: () => '2025-01-01T00:00:00Z' };

function open(log: Log, logFailed?: (reason: FailureError) => void): Promise<Conductor> {
  return Conductor.open({
    log,
    clock,
    options: {
      leaseSeconds: 30,
      lostSeconds: 60,
      forgetSeconds: 86_400,
      fixedFleet: false,
      incarnation: `i${Math.random()}`,
    },
    push: () => undefined,
    recorded: () => undefined,
    warn: () => undefined,
    ...(logFailed && { logFailed }),
  });
}

async function lease(conductor: Conductor, node = 'node-a') {
  const profile = aNode(node);
  await conductor.dispatch({ event: 'node-joined', now: 0, at: '', profile, instance: 'i', trialIds: [] });
  const replies = await conductor.dispatch({ event: 'work-asked', now: 0, at: '', node, deviceId: 'cpu0' });
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
    if (this.full) throw new FailureError(failure('disk-full', 'the disk of the log is full'));
    return super.append(facts, expected);
  }
}

describe('conductor', () => {
  test('says that the log cannot be written, and takes the same result once it can', async () => {
    const log = new FullLog();
    const failures: string[] = [];
    const conductor = await open(log, (reason) => failures.push(reason.failure.code));
    await conductor.submit(fakeSweep(2), [], 'test', false);
    const record = aRecord(await lease(conductor));
    log.full = true;
    await expect(conductor.dispatch({ event: 'reported', at: '', record })).rejects.toThrow(/is full/);
    expect(failures).toEqual(['disk-full']);
    expect(conductor.leads).toBe(false);
    log.full = false;
    const replies = await conductor.dispatch({ event: 'reported', at: '', record });
    expect(replies.map((reply) => reply.command)).toEqual(['acknowledge']);
    // The key, the sweep, the result.
    expect(await log.end()).toBe(3);
  });

  test('an acknowledgement leaves only after the log has the result', async () => {
    const log = new SlowLog();
    const conductor = await open(log);
    await conductor.submit(fakeSweep(2), [], 'test', false);
    const given = await lease(conductor);
    let release: () => void = () => undefined;
    log.gate = new Promise((resolve) => {
      release = resolve;
    });
    let acknowledged = false;
    const reported = conductor
      .dispatch({ event: 'reported', at: '', record: aRecord(given) })
      .then((replies) => {
        acknowledged = replies.some((reply) => reply.command === 'acknowledge');
      });
    await new Promise((resolve) => setImmediate(resolve));
    expect([acknowledged, await log.end()]).toEqual([false, 2]);
    // A slow log is no reason to look for another leader.
    expect(conductor.leads).toBe(true);
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
    // Both had dealt the same point: it counts once.
    expect(sweepStatus(two.state.sweeps.get(view.sweepId)!)).toMatchObject({ complete: 1 });
  });

  test('a sweep that this release cannot read any more is left alone, and said so', async () => {
    const log = new MemoryLog();
    const about = { models: [], submitter: 'old', at: '2025-01-01T00:00:00Z' };
    await log.append([{ fact: 'SweepSubmitted', sweepId: 'sold', document: 'kind: Swoop', ...about }], 0);
    await log.append([{ fact: 'SweepSubmitted', sweepId: 'sother', document: fakeSweep(1), ...about }], 1);
    const warnings: string[] = [];
    const conductor = await Conductor.open({
      log,
      clock,
      options: {
        leaseSeconds: 30,
        lostSeconds: 60,
        forgetSeconds: 86_400,
        fixedFleet: false,
        incarnation: 'i',
      },
      push: () => undefined,
      recorded: () => undefined,
      warn: (sentence) => warnings.push(sentence),
    });
    expect(conductor.state.sweeps.size).toBe(0);
    expect(warnings).toEqual([
      expect.stringContaining('Sweep sold cannot be read any more'),
      expect.stringContaining('Sweep sother was written by another release'),
    ]);
  });
});
