import type { SweepObjectStatus } from './definition.js';

/** What `kubectl describe sweep` and `kubectl events` show of a Sweep. */
export interface SweepEvent {
  readonly type: 'Normal' | 'Warning';
  /** One word, as `Accepted`. */
  readonly reason: string;
  readonly message: string;
}

/** Of an event's message, in the API server's own bound. */
const MOST_CHARACTERS = 1_000;

/** The sweep stands still, and is to go on by itself or by somebody's word. */
const HALTED: ReadonlySet<string> = new Set(['Paused', 'Cancelled', 'Queued', 'WantedByOthers']);

/**
 * What happened between two statuses of an object: accepted or refused, begun, halted, resumed, ended, a
 * point failed, agents lost to others, something in disorder. Pure, so that whoever writes the same status
 * writes the same events.
 * @param failures why points failed, as the coordinator says it.
 */
export function eventsOf(
  before: SweepObjectStatus | undefined,
  after: SweepObjectStatus,
  failures: readonly string[],
): readonly SweepEvent[] {
  const found = [
    acceptance(before, after),
    progress(before, after),
    failure(before, after, failures),
    preemption(before, after),
    end(before, after),
    disorder(before, after),
  ];
  return found
    .filter((event) => event !== null)
    .map((event) => ({ ...event, message: event.message.slice(0, MOST_CHARACTERS) }));
}

interface Stated {
  readonly reason: string;
  readonly message: string;
  readonly reasonBefore: string;
  readonly isNew: boolean;
}

/** @returns a condition as it stands after, and whether its reason is another than before. */
function stated(type: string, before: SweepObjectStatus | undefined, after: SweepObjectStatus): Stated {
  const reasonBefore = before?.conditions?.find((one) => one.type === type)?.reason ?? '';
  const { reason = '', message = '' } = after.conditions?.find((one) => one.type === type) ?? {};
  return { reason, message, reasonBefore, isNew: reason !== reasonBefore };
}

type Found = SweepEvent | null;
type Change = (before: SweepObjectStatus | undefined, after: SweepObjectStatus) => Found;

const acceptance: Change = (before, after) => {
  const { reason, message, isNew } = stated('Accepted', before, after);
  if (!isNew || reason === 'NotSubmitted') return null;
  return { type: reason === 'Accepted' ? 'Normal' : 'Warning', reason, message };
};

const settled = ({ complete = 0, failed = 0, invalid = 0 }: SweepObjectStatus): number =>
  complete + failed + invalid;

/** Between two points a sweep may wait for a moment: that is neither a start nor an end. */
const progress: Change = (before, after) => {
  const { reason, message, reasonBefore, isNew } = stated('Running', before, after);
  if (!isNew) return null;
  if (HALTED.has(reason)) return { type: 'Normal', reason, message };
  if (reason === 'Running' && settled(before ?? {}) === 0)
    return { type: 'Normal', reason: 'Started', message };
  const goesOn = reason === 'Running' || reason === 'Waiting';
  return goesOn && HALTED.has(reasonBefore) ? { type: 'Normal', reason: 'Resumed', message } : null;
};

/** The first failure alone: a sweep of a thousand points that all fail tells of it once, and at its end. */
function failure(
  before: SweepObjectStatus | undefined,
  after: SweepObjectStatus,
  failures: readonly string[],
): Found {
  const failed = after.failed ?? 0;
  if (failed === 0 || (before?.failed ?? 0) > 0) return null;
  const count = failed === 1 ? '1 point failed' : `${failed} points failed`;
  return { type: 'Warning', reason: 'PointFailed', message: [count, ...failures].join('\n') };
}

/** Agents that had a pod wait for their queue again: somebody with more right took their devices. */
const preemption: Change = (before, after) => {
  const [was, is] = [before?.agents, after.agents];
  if (was === undefined || is === undefined) return null;
  if (is.active >= was.active || is.suspended <= was.suspended) return null;
  const message = `${is.suspended} of ${is.wanted} agents wait for their queue again; what they measured is measured once more`;
  return { type: 'Warning', reason: 'Preempted', message };
};

const end: Change = (before, after) => {
  const { reason, message, isNew } = stated('Complete', before, after);
  if (!isNew || reason === 'NotFinished') return null;
  return { type: reason === 'Finished' ? 'Normal' : 'Warning', reason, message };
};

const disorder: Change = (before, after) => {
  const { reason, message, isNew } = stated('Degraded', before, after);
  return isNew && reason !== 'AsExpected' ? { type: 'Warning', reason, message } : null;
};
