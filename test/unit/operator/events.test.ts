import { describe, expect, test } from 'vitest';
import type { SweepObjectStatus } from '../../../operator/sweep/definition.js';
import { eventsOf } from '../../../operator/sweep/events.js';

/** A status with one reason for each condition that is named. */
function aStatus(reasons: Readonly<Record<string, string>>, rest: SweepObjectStatus = {}): SweepObjectStatus {
  const conditions = Object.entries(reasons).map(([type, reason]) => ({
    type,
    status: 'True' as const,
    reason,
    message: `why ${reason}`,
    lastTransitionTime: '2026-11-30T00:00:00Z',
  }));
  return { ...rest, conditions };
}

const told = (before: SweepObjectStatus | undefined, after: SweepObjectStatus, failures: string[] = []) =>
  eventsOf(before, after, failures).map(({ type, reason }) => `${type} ${reason}`);

describe('events between two statuses of a Sweep', () => {
  const waiting = aStatus({ Accepted: 'Accepted', Running: 'Waiting', Complete: 'NotFinished' });
  const running = aStatus({ Accepted: 'Accepted', Running: 'Running', Complete: 'NotFinished' });

  test('accepted and refused are told once, with the words of the condition', () => {
    expect(eventsOf(undefined, waiting, [])).toEqual([
      { type: 'Normal', reason: 'Accepted', message: 'why Accepted' },
    ]);
    expect(told(waiting, waiting)).toEqual([]);
    for (const reason of ['Invalid', 'Refused'])
      expect(told(undefined, aStatus({ Accepted: reason }))).toEqual([`Warning ${reason}`]);
    expect(told(undefined, aStatus({ Accepted: 'NotSubmitted' }))).toEqual([]);
  });

  test('a sweep that waits between two points neither starts again nor ends', () => {
    expect(told(waiting, running)).toEqual(['Normal Started']);
    expect(told({ ...waiting, complete: 1 }, { ...running, complete: 1 })).toEqual([]);
    expect(told(running, { ...waiting, complete: 1 })).toEqual([]);
  });

  test.each(['Paused', 'Cancelled', 'Queued', 'WantedByOthers'])('%s, and on again', (reason) => {
    const halted = aStatus(
      { Accepted: 'Accepted', Running: reason, Complete: 'NotFinished' },
      { complete: 1 },
    );
    expect(told({ ...running, complete: 1 }, halted)).toEqual([`Normal ${reason}`]);
    expect(told(halted, { ...waiting, complete: 1 })).toEqual(['Normal Resumed']);
    expect(told(halted, { ...running, complete: 1 })).toEqual(['Normal Resumed']);
  });

  test('the first failure says why; the others are told at the end', () => {
    const [event] = eventsOf(running, { ...running, failed: 2 }, ['no memory']);
    expect(event).toEqual({
      type: 'Warning',
      reason: 'PointFailed',
      message: '2 points failed\nno memory',
    });
    expect(told({ ...running, failed: 2 }, { ...running, failed: 3 })).toEqual([]);
    const end = aStatus({ Accepted: 'Accepted', Running: 'Finished', Complete: 'FinishedInPart' });
    expect(told({ ...running, failed: 3 }, { ...end, failed: 3 })).toEqual(['Warning FinishedInPart']);
  });

  test('agents that a queue took back are told; agents that ended are not', () => {
    const with2 = { ...running, agents: { wanted: 2, active: 2, suspended: 0 } };
    const preempted = { ...running, agents: { wanted: 2, active: 1, suspended: 1 } };
    expect(told(with2, preempted)).toEqual(['Warning Preempted']);
    expect(told(with2, { ...running, agents: { wanted: 2, active: 1, suspended: 0 } })).toEqual([]);
    expect(told(preempted, with2)).toEqual([]);
  });

  test('disorder is told when it comes, and when it becomes another', () => {
    const disorder = (reason: string) => aStatus({ Degraded: reason });
    expect(told(disorder('AsExpected'), disorder('AgentsFailed'))).toEqual(['Warning AgentsFailed']);
    expect(told(disorder('AgentsFailed'), disorder('StepFailed'))).toEqual(['Warning StepFailed']);
    expect(told(disorder('StepFailed'), disorder('AsExpected'))).toEqual([]);
  });

  test('a message is no longer than the API server takes', () => {
    const [event] = eventsOf(running, { ...running, failed: 1 }, ['x'.repeat(5000)]);
    expect(event?.message.length).toBeLessThanOrEqual(1024);
  });
});
