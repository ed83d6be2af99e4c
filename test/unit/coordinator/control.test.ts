import { describe, expect, test } from 'vitest';
import { cancelSweep, pauseSweep, resumeSweep, submitSweep } from '../../../coordinator/api/control.js';
import { Audit } from '../../../coordinator/audit.js';
import type { Fact } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { Registry } from '../../../coordinator/registry/registry.js';
import { damageOf } from '../../../coordinator/scheduler/damage.js';
import { emptyState } from '../../../coordinator/scheduler/state.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import { failure } from '../../../core/errors.js';
import { openDispatcher } from '../../support/dispatcher.js';
import { fakeSweep, submission } from '../../support/sweeps.js';
import { aHealth, aNode, aRecord } from '../../support/wire-records.js';

const ANN = {
  name: 'ann',
  from: '127.0.0.1',
  who: { name: 'ann', namespaces: null, managesNodes: true },
};

/** A coordinator with a sweep of so many points, and a node that fails each. */
async function coordinator(points: number) {
  const log = new MemoryLog();
  const dispatcher = await openDispatcher({ log });
  const clock = { now: () => 0, isoTime: () => '2025-01-01T00:00:00Z' };
  const audit = new Audit(
    null,
    () => '',
    () => undefined,
  );
  const durability = await log.durability();
  const api = {
    dispatcher,
    log,
    durability,
    clock,
    audit,
    registry: new Registry(),
    ownAddress: () => 'localhost:0',
    health: async () => aHealth(),
    inform: () => undefined,
  };
  const document = fakeSweep(points, { placement: '{ driftControl: false, retries: 0 }' });
  const { sweepId } = await submitSweep(api, submission(document), ANN);
  const profile = aNode();
  await dispatcher.dispatch({ event: 'node-joined', now: 0, at: '', profile, instance: 'i', trialIds: [] });
  const lease = async () => {
    const [reply] = await dispatcher.dispatch({
      event: 'work-requested',
      now: 0,
      at: '',
      node: profile.name,
      deviceId: 'cpu0',
    });
    return reply?.command === 'grant' ? reply.lease : null;
  };
  const fail = async () => {
    const record = aRecord((await lease())!, profile, { failure: failure('internal', 'It broke.') });
    return () => dispatcher.dispatch({ event: 'reported', at: '', record });
  };
  const state = () => sweepStatus(dispatcher.state.sweeps.get(sweepId)!).state;
  const again = (retryFailed: boolean) => submitSweep(api, submission(document, retryFailed), ANN);
  return { api, log, sweepId, lease, fail, state, again };
}

test('a sweep that is submitted again with another node selector goes on where that says, also after a restart', async () => {
  const { api, log, sweepId, lease, again } = await coordinator(2);
  expect(await again(false)).toMatchObject({ sweepId, created: false });
  const placement = '{ driftControl: false, retries: 0, nodeSelector: { zone: lab } }';
  const moved = () => submitSweep(api, submission(fakeSweep(2, { placement })), ANN);
  expect(await moved()).toMatchObject({ sweepId, created: true });
  expect(await moved()).toMatchObject({ sweepId, created: false });
  expect(await lease()).toBeNull();
  const restarted = await openDispatcher({ log });
  expect(restarted.state.sweeps.get(sweepId)?.view.placement.nodeSelector).toEqual({ zone: ['lab'] });
  expect(await again(false)).toMatchObject({ sweepId, created: true });
  expect(await lease()).not.toBeNull();
});

describe('a pause', () => {
  test('that came with the last trials does not outlive its sweep', async () => {
    const { api, sweepId, lease, fail, state, again } = await coordinator(1);
    const ends = await fail();
    expect(await pauseSweep(api, { sweepId, reason: 'lunch' }, ANN)).toEqual({ running: 1 });
    await ends();
    expect(state()).toBe('done');
    expect(await again(false)).toMatchObject({ created: false, paused: false });
    expect(await again(true)).toMatchObject({ created: true, paused: false });
    expect(state()).toBe('running');
    expect(await lease()).not.toBeNull();
  });

  test('of a sweep with points left stays when it is submitted again, and the answer says so', async () => {
    const { api, log, sweepId, lease, fail, state, again } = await coordinator(2);
    await (await fail())();
    await pauseSweep(api, { sweepId, reason: 'lunch' }, ANN);
    expect(await again(false)).toMatchObject({ created: false, paused: true });
    expect(await again(true)).toMatchObject({ created: true, paused: true });
    expect([state(), await lease()]).toEqual(['paused', null]);
    // Also for a coordinator that is started again.
    const next = await openDispatcher({ log });
    expect(next.state.sweeps.get(sweepId)?.paused).toBe('lunch');
    await resumeSweep(api, { sweepId, reason: '' }, ANN);
    expect(await lease()).not.toBeNull();
  });

  test('takes a new reason, and what was not paused is not said to go on', async () => {
    const { api, sweepId } = await coordinator(1);
    const paused = () => api.dispatcher.state.sweeps.get(sweepId)?.paused;
    expect(await resumeSweep(api, { sweepId, reason: '' }, ANN)).toEqual({ wasRunning: true });
    await pauseSweep(api, { sweepId, reason: 'lunch' }, ANN);
    const { position } = api.dispatcher;
    await pauseSweep(api, { sweepId, reason: 'lunch' }, ANN);
    expect(api.dispatcher.position).toBe(position);
    await pauseSweep(api, { sweepId, reason: 'dinner' }, ANN);
    expect(paused()).toBe('dinner');
    expect(await resumeSweep(api, { sweepId, reason: '' }, ANN)).toEqual({ wasRunning: false });
    expect(paused()).toBeNull();
  });

  test('of what is over is refused, and nothing is written', async () => {
    const { api, sweepId, fail } = await coordinator(1);
    await (await fail())();
    const { position } = api.dispatcher;
    const over = { code: 'refused', message: expect.stringContaining('is done') };
    await expect(pauseSweep(api, { sweepId, reason: '' }, ANN)).rejects.toMatchObject(over);
    await expect(resumeSweep(api, { sweepId, reason: '' }, ANN)).rejects.toMatchObject(over);
    expect(api.dispatcher.position).toBe(position);
  });
});

test('a reason that is not one line of plain text is refused', async () => {
  const { api, sweepId, state } = await coordinator(1);
  for (const reason of ['\x1b[2J', 'two\nlines', 'right \u202e to left']) {
    for (const act of [pauseSweep, resumeSweep, cancelSweep]) {
      await expect(act(api, { sweepId, reason }, ANN)).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('one line of plain text'),
      });
    }
  }
  expect(state()).toBe('running');
});

test('what is damaged is called what it is', () => {
  const state = emptyState({
    leaseSeconds: 30,
    lostSeconds: 60,
    forgetSeconds: 60,
    fixedFleet: false,
    incarnation: 'i',
  });
  const damage = (fact: object) => damageOf(state, { at: '', ...fact } as Fact);
  expect(damage({ fact: 'SweepResumed', sweepId: 's1', reason: 'go' })).toBeNull();
  expect(damage({ fact: 'SweepResumed', reason: 'go' })).toBe('a resumption without a sweep');
  expect(damage({ fact: 'SweepPaused', reason: 'go' })).toBe('a pause without a sweep');
  expect(damage({ fact: 'SweepPaused', sweepId: 's1' })).toMatch(/without a reason$/);
});
