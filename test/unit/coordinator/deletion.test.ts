import { describe, expect, test } from 'vitest';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { storedResults } from '../../../coordinator/results.js';
import type { Lease } from '../../../core/experiment/lease.js';
import { openDispatcher } from '../../support/dispatcher.js';
import { fakeSweep } from '../../support/sweeps.js';
import { aNode, aRecord } from '../../support/wire-records.js';

const PLACEMENT = '{ driftControl: false, retries: 0 }';

/** A coordinator with a node that has one device, and measures what it is given. */
async function fleet(log = new MemoryLog()) {
  const dispatcher = await openDispatcher({ log });
  const profile = aNode();
  await dispatcher.dispatch({ event: 'node-joined', now: 0, at: '', profile, instance: 'i', trialIds: [] });
  const asked = { event: 'work-requested', now: 0, at: '', node: profile.name, deviceId: 'cpu0' } as const;
  const lease = async (): Promise<Lease | null> => {
    const [reply] = await dispatcher.dispatch(asked);
    return reply?.command === 'grant' ? reply.lease : null;
  };
  const report = (one: Lease) =>
    dispatcher.dispatch({ event: 'reported', at: '', record: aRecord(one, profile) });
  /** @returns trials that were measured until there was no more work. */
  const measure = async (): Promise<string[]> => {
    const trials: string[] = [];
    for (let one = await lease(); one !== null; one = await lease()) {
      trials.push(one.trialId);
      await report(one);
    }
    return trials;
  };
  const submit = async (document: string) =>
    (await dispatcher.submit(document, [], 'ann', false)).view.sweepId;
  const remove = (sweepId: string) =>
    dispatcher.dispatch({ event: 'delete-requested', at: '', sweepId, reason: 'too old' });
  return { log, dispatcher, lease, report, measure, submit, remove };
}

type Fleet = Awaited<ReturnType<typeof fleet>>;

async function shown({ log, dispatcher }: Pick<Fleet, 'log' | 'dispatcher'>, sweepId: string | null) {
  const query = { sweepId, follow: false, allTrials: true, detail: 'row' as const };
  const found: string[] = [];
  for await (const stored of storedResults(log, dispatcher, query, 0, new AbortController().signal))
    found.push(stored.record().trialId);
  return found;
}

const document = (name: string) => fakeSweep(3, { name, placement: PLACEMENT });

describe('a deleted sweep', () => {
  test('is gone with its results, and measured anew when it is submitted again; also after a restart', async () => {
    const one = await fleet();
    const sweepId = await one.submit(document('old'));
    const old = await one.measure();
    expect(old).toHaveLength(3);
    expect(await one.remove(sweepId)).toEqual([]);
    const restarted = await openDispatcher({ log: one.log });
    for (const dispatcher of [one.dispatcher, restarted]) {
      expect(dispatcher.state.sweeps.size).toBe(0);
      expect(dispatcher.submissionOf(sweepId)).toBeUndefined();
      expect(old.map((trialId) => dispatcher.entryOf(trialId))).toEqual([undefined, undefined, undefined]);
      expect(await shown({ log: one.log, dispatcher }, null)).toEqual([]);
    }
    const next = await fleet(one.log);
    expect(await next.submit(document('old'))).toBe(sweepId);
    const anew = await next.measure();
    expect(anew).toHaveLength(3);
    expect(anew.filter((trialId) => old.includes(trialId))).toEqual([]);
    expect(await shown(next, sweepId)).toEqual(anew);
    expect(
      await shown({ log: one.log, dispatcher: await openDispatcher({ log: one.log }) }, sweepId),
    ).toEqual(anew);
  });

  test('gives nothing to another sweep of the same points', async () => {
    const one = await fleet();
    const sweepId = await one.submit(document('old'));
    const old = await one.measure();
    await one.remove(sweepId);
    const other = await one.submit(document('new'));
    const anew = await one.measure();
    expect(anew).toHaveLength(3);
    expect(await shown(one, other)).toEqual(anew);
    expect(anew.some((trialId) => old.includes(trialId))).toBe(false);
  });

  test('takes no late result: it is refused by name, and a result that came before is written once', async () => {
    const one = await fleet();
    const sweepId = await one.submit(document('old'));
    const first = (await one.lease())!;
    await one.report(first);
    const late = (await one.lease())!;
    await one.dispatcher.dispatch({ event: 'cancel-requested', at: '', sweepId, reason: 'enough' });
    expect(await one.remove(sweepId)).toEqual([
      { command: 'not-deleted', sweepId, reason: expect.stringContaining('still has 1 trial running') },
    ]);
    await one.dispatcher.dispatch({ event: 'trial-lost', at: '', trialId: late.trialId });
    expect(await one.remove(sweepId)).toEqual([]);
    const { position } = one.dispatcher;
    for (const lease of [late, first])
      expect(await one.report(lease)).toEqual([
        { command: 'refuse', trialId: lease.trialId, reason: `There is no sweep ${sweepId} here.` },
      ]);
    expect(one.dispatcher.position).toBe(position);
    await one.submit(document('old'));
    expect(await one.report(first)).toEqual([{ command: 'acknowledge', trialId: first.trialId }]);
    expect(await shown(one, sweepId)).toEqual([]);
  });
});

describe('a deletion is refused', () => {
  test('of a sweep that is not over, or is not there, and says what to do', async () => {
    const one = await fleet();
    const sweepId = await one.submit(document('old'));
    const { position } = one.dispatcher;
    const refused = (reason: string) => [
      { command: 'not-deleted', sweepId, reason: expect.stringContaining(reason) },
    ];
    expect(await one.remove(sweepId)).toEqual(refused('is running: cancel it first'));
    await one.dispatcher.dispatch({ event: 'pause-requested', at: '', sweepId, reason: 'lunch' });
    expect(await one.remove(sweepId)).toEqual(refused('is paused: cancel it first'));
    expect(one.dispatcher.position).toBe(position + 1);
    expect(await one.remove('nobody')).toEqual([
      { command: 'not-deleted', sweepId: 'nobody', reason: 'There is no sweep nobody here.' },
    ]);
  });

  test('of a pinned sweep, until it is unpinned; also after a restart', async () => {
    const one = await fleet();
    const sweepId = await one.submit(document('old'));
    await one.measure();
    const ask = ({ dispatcher }: Fleet, event: 'pin-requested' | 'unpin-requested', reason = 'paper') =>
      dispatcher.dispatch({ event, at: '', sweepId, reason });
    await ask(one, 'pin-requested');
    const { position } = one.dispatcher;
    await ask(one, 'pin-requested');
    expect(one.dispatcher.position, 'the same again is no news').toBe(position);
    const next = await fleet(one.log);
    expect(await next.remove(sweepId)).toEqual([
      {
        command: 'not-deleted',
        sweepId,
        reason: expect.stringContaining('is pinned (paper): unpin it first'),
      },
    ]);
    await ask(next, 'unpin-requested');
    await ask(next, 'unpin-requested');
    expect(next.dispatcher.position).toBe(position + 1);
    expect(await next.remove(sweepId)).toEqual([]);
    // What is gone is not pinned, and a sweep that is submitted again is not pinned by what was before.
    await ask(next, 'pin-requested');
    expect(next.dispatcher.position).toBe(position + 2);
    await next.submit(document('old'));
    expect(next.dispatcher.state.pinned).toEqual(new Map());
  });

  test('of a sweep whose results another one shows, until that one is deleted; also after a restart', async () => {
    const one = await fleet();
    const sweepId = await one.submit(document('old'));
    const old = await one.measure();
    const other = await one.submit(document('new'));
    expect(await one.measure()).toEqual([]);
    expect(await shown(one, other)).toEqual(expect.arrayContaining(old));
    const reason = `Sweep ${other} (new) shows results of sweep ${sweepId}: delete that one first.`;
    expect(await one.remove(sweepId)).toEqual([{ command: 'not-deleted', sweepId, reason }]);
    const next = await fleet(one.log);
    expect(await next.remove(sweepId)).toEqual([{ command: 'not-deleted', sweepId, reason }]);
    await next.remove(other);
    expect(await next.remove(sweepId)).toEqual([]);
    expect([...next.dispatcher.state.sweeps]).toEqual([]);
  });

  test('where the log does not take it: the sweep stays, and may be taken over again', async () => {
    class Full extends MemoryLog {
      full = false;
      override append(...given: Parameters<MemoryLog['append']>): ReturnType<MemoryLog['append']> {
        if (this.full) throw new Error('The disk is full.');
        return super.append(...given);
      }
    }
    const log = new Full();
    const one = await fleet(log);
    const sweepId = await one.submit(document('old'));
    const old = await one.measure();
    log.full = true;
    await expect(one.remove(sweepId)).rejects.toThrow('full');
    log.full = false;
    const other = await one.submit(document('new'));
    expect(await one.measure()).toEqual([]);
    expect(await shown(one, other)).toEqual(expect.arrayContaining(old));
  });
});
