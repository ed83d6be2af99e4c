import { EVENTS, type KubeEvent } from '../kubernetes/objects.js';
import { SWEEPS, type SweepObject, type SweepObjectStatus } from './definition.js';
import { sha256 } from './job.js';
import { settled } from './status.js';

/** What `kubectl describe sweep` and `kubectl events` show of a Sweep. */
export interface SweepEvent {
  readonly type: 'Normal' | 'Warning';
  /** One word, as `Accepted`. */
  readonly reason: string;
  readonly message: string;
}

/** Of an event's message: the API server takes few more. */
const MOST_CHARACTERS = 1_000;

/** Reasons for which a sweep stands still until somebody, or its queue, lets it go on. */
const HALTED: ReadonlySet<string> = new Set(['Paused', 'Cancelled', 'Queued', 'WantedByOthers']);

/**
 * What happened between two statuses of an object: accepted or refused, begun, halted, resumed, ended, a
 * point failed, agents preempted, something in disorder. Pure, so that whoever writes the same status
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

/**
 * @param now RFC 3339
 * @returns the event as the API server takes it; whoever tells of the same change of the same object gives it
 *   the same name.
 */
export function eventObject(
  { type, reason, message }: SweepEvent,
  object: SweepObject,
  now: string,
): KubeEvent {
  const { name, namespace = '', uid = '', resourceVersion = '' } = object.metadata;
  const change = sha256([uid, resourceVersion, reason].join(' ')).slice(0, 16);
  const { apiVersion, kind } = SWEEPS;
  return {
    apiVersion: EVENTS.apiVersion,
    kind: EVENTS.kind,
    metadata: { name: `${name.slice(0, 200)}.${change}`, namespace },
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
    type,
    reason,
    message,
    source: { component: 'ridgepoint-operator' },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}

/** A condition as it stands after. */
interface ConditionChange {
  readonly reason: string;
  readonly message: string;
  readonly reasonBefore: string;
  readonly isNew: boolean;
}

/** @returns how the reason of a condition changed; '' where the condition was not there. */
function conditionChange(
  type: string,
  before: SweepObjectStatus | undefined,
  after: SweepObjectStatus,
): ConditionChange {
  const conditionIn = (status: SweepObjectStatus | undefined) =>
    status?.conditions?.find((one) => one.type === type);
  const reasonBefore = conditionIn(before)?.reason ?? '';
  const { reason = '', message = '' } = conditionIn(after) ?? {};
  return { reason, message, reasonBefore, isNew: reason !== reasonBefore };
}

type Found = SweepEvent | null;
type Change = (before: SweepObjectStatus | undefined, after: SweepObjectStatus) => Found;

const acceptance: Change = (before, after) => {
  const { reason, message, isNew } = conditionChange('Accepted', before, after);
  if (!isNew || reason === 'NotSubmitted') return null;
  return { type: reason === 'Accepted' ? 'Normal' : 'Warning', reason, message };
};

/** Between two points a sweep may wait for a moment: that is neither a start nor an end. */
const progress: Change = (before, after) => {
  const { reason, message, reasonBefore, isNew } = conditionChange('Running', before, after);
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
  const message = `${is.suspended} of ${is.wanted} agents wait for their queue again; the points that they were measuring are measured again`;
  return { type: 'Warning', reason: 'Preempted', message };
};

const end: Change = (before, after) => {
  const { reason, message, isNew } = conditionChange('Complete', before, after);
  if (!isNew || reason === 'NotFinished') return null;
  return { type: reason === 'Finished' ? 'Normal' : 'Warning', reason, message };
};

const disorder: Change = (before, after) => {
  const { reason, message, isNew } = conditionChange('Degraded', before, after);
  return isNew && reason !== 'AsExpected' ? { type: 'Warning', reason, message } : null;
};
