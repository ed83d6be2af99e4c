import { sameJson } from '../../core/same.js';
import type { SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import type { Condition } from '../kubernetes/objects.js';
import { type Asked, askedBy, isLeftTo } from './asked.js';
import type { BestRow, SweepObject, SweepObjectStatus } from './definition.js';
import { jobState } from './job.js';
import type { Observed } from './reconcile.js';

/** What the coordinator says of a sweep. */
export interface SweepSeen extends Omit<SweepStatus, 'state'> {
  readonly state: 'running' | 'paused' | 'done' | 'cancelled' | 'not_resumed';
}

/** What is known of the coordinator's side of an object. */
export interface Seen {
  /** Why nobody answers; null = somebody did, a moment ago. */
  readonly trouble: string | null;
  /** Why the coordinator does not take the sweep; null = it does, or was not asked yet. */
  readonly refusal: string | null;
  /** null = it has no such sweep. */
  readonly sweep: SweepSeen | null;
  readonly best: Best | null;
  /** Why the last step failed that Kubernetes was asked for; null = none did. */
  readonly fault: string | null;
}

/** The rows that stand on the front, the best by the first objective first. */
export interface Best {
  readonly line: string;
  readonly rows: readonly BestRow[];
  /** `sha256:…` */
  readonly digest: string;
}

/** Of a message: the API takes 32,768, and people read the first hundreds. */
const MOST_CHARACTERS = 4_000;
/** Of the line that `kubectl get sweeps` shows. */
const MOST_IN_A_TABLE = 200;

/** One of an object's conditions, without what follows from the last one. */
type Stated = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const stated = (type: string, holds: boolean, reason: string, message = ''): Stated => ({
  type,
  status: holds ? 'True' : 'False',
  reason,
  message: message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS)}…` : message,
});

/** @returns all that an object's status says, whatever it said before. */
export function statusOf(observed: Observed, asked: Asked): SweepObjectStatus {
  const { object, sweepId, seen, jobs } = observed;
  const { sweep, best } = seen;
  const generation = object.metadata.generation ?? 0;
  const states = jobs.map(jobState);
  const wanted = observed.reading.ok ? (observed.reading.spec.agents?.replicas ?? null) : null;
  const all = conditions(observed);
  const reason = reasonOf(all);
  return {
    observedGeneration: generation,
    ...(sweepId !== null && { sweepId }),
    ...(asked !== null && { asked }),
    ...(sweep === null ? countsOf(object) : countsOf({ status: sweep })),
    ...(sweep !== null && { progress: `${settled(sweep)}/${sweep.points}` }),
    ...(sweep === null && object.status?.progress !== undefined && { progress: object.status.progress }),
    ...(reason !== null && { reason }),
    ...(wanted !== null && {
      agents: {
        wanted,
        active: states.filter((state) => state === 'active').length,
        suspended: states.filter((state) => state === 'suspended').length,
      },
    }),
    ...(best === null
      ? bestOf(object)
      : { best: best.line, bestRows: best.rows, bestRowsDigest: best.digest }),
    conditions: all.map((one) => dated(one, object, generation, observed.now)),
  };
}

/** @returns one line for a table: what its reader has to know; null where all is as it should be. */
function reasonOf(all: Conditions): string | null {
  const [line = ''] = tellingOf(all)?.message.split('\n') ?? [];
  if (line.length > MOST_IN_A_TABLE) return `${line.slice(0, MOST_IN_A_TABLE - 1)}…`;
  return line === '' ? null : line;
}

/** @returns the condition that says most, the gravest first; null where none says anything. */
function tellingOf([accepted, running, complete, degraded]: Conditions): Stated | null {
  if (accepted.status === 'False') return accepted;
  if (degraded.status === 'True') return degraded;
  if (complete.reason === 'FinishedInPart') return complete;
  return running.status === 'False' && running.reason !== 'Finished' ? running : null;
}

/** @returns points that are measured no more; 0 where the counts are not known. */
export const settled = ({ complete = 0, failed = 0, invalid = 0 }: SweepObjectStatus): number =>
  complete + failed + invalid;

/** What is not known at this moment is as it was said last. */
function countsOf({ status }: { readonly status?: SweepObjectStatus }): SweepObjectStatus {
  if (status?.points === undefined) return {};
  const { points, complete, disturbed, failed, invalid, running, queued } = status;
  return { points, complete, disturbed, failed, invalid, running, queued } as SweepObjectStatus;
}

function bestOf({ status }: SweepObject): SweepObjectStatus {
  if (status?.best === undefined) return {};
  const { best, bestRows, bestRowsDigest } = status;
  return { best, bestRows, bestRowsDigest } as SweepObjectStatus;
}

type Conditions = readonly [accepted: Stated, running: Stated, complete: Stated, degraded: Stated];

function conditions(observed: Observed): Conditions {
  return [accepted(observed), running(observed), complete(observed.seen), degraded(observed)];
}

function accepted({ reading, seen, sweepId }: Observed): Stated {
  if (!reading.ok) return stated('Accepted', false, 'Invalid', reading.sentences.join('\n'));
  if (seen.refusal !== null) return stated('Accepted', false, 'Refused', seen.refusal);
  if (sweepId === null) {
    const why =
      seen.trouble ??
      (reading.spec.cancel ? 'it is cancelled before it began' : 'it is about to be submitted');
    return stated('Accepted', false, 'NotSubmitted', why);
  }
  return stated('Accepted', true, 'Accepted', `the coordinator has it as ${sweepId}`);
}

function running({ reading, seen, jobs, others }: Observed): Stated {
  const notRunning = (reason: string, message: string) => stated('Running', false, reason, message);
  if (!reading.ok || seen.refusal !== null) return notRunning('NotAccepted', 'it is not accepted');
  const { sweep } = seen;
  if (sweep === null) return notRunning('NotStarted', seen.trouble ?? 'the coordinator has not begun it');
  switch (sweep.state) {
    case 'done':
      return notRunning('Finished', 'every point is settled');
    case 'cancelled':
      return notRunning(
        'Cancelled',
        [`${sweep.complete} results are kept`, ...sweep.blockedReasons].join('\n'),
      );
    case 'paused':
      return notRunning('Paused', sweep.blockedReasons.join('\n') || 'it is paused');
    case 'not_resumed':
      return notRunning('OtherRelease', 'it was measured by another release; its results are there');
    case 'running':
      if (isLeftTo(others, askedBy(reading.spec)))
        return notRunning('WantedByOthers', 'another Sweep asks for the same, and goes on with it');
      if (sweep.running > 0)
        return stated('Running', true, 'Running', `${sweep.running} points are measured`);
      if (jobs.length > 0 && jobs.every((job) => jobState(job) === 'suspended'))
        return notRunning('Queued', 'its agents wait for their queue');
      return notRunning('Waiting', sweep.blockedReasons.join('\n') || 'no agent has taken a point of it yet');
  }
}

function complete({ sweep }: Seen): Stated {
  if (sweep?.state !== 'done') return stated('Complete', false, 'NotFinished', 'points are left');
  const { complete, failed, invalid, failureReasons } = sweep;
  if (failed + invalid === 0) return stated('Complete', true, 'Finished', `${complete} points have a result`);
  const rest = `${complete} points have a result, ${failed} failed and ${invalid} are invalid`;
  return stated('Complete', true, 'FinishedInPart', [rest, ...failureReasons].join('\n'));
}

function degraded({ object: { metadata }, seen, jobs }: Observed): Stated {
  const isDegraded = (reason: string, message: string) => stated('Degraded', true, reason, message);
  const waits =
    metadata.deletionTimestamp === undefined
      ? ''
      : `; it goes when its sweep is cancelled there, or at once without its finalizer: \`kubectl patch sweep ${metadata.name} --type=merge -p '{"metadata":{"finalizers":null}}'\``;
  if (seen.trouble !== null) return isDegraded('CoordinatorUnavailable', `${seen.trouble}${waits}`);
  if (seen.fault !== null) return isDegraded('StepFailed', seen.fault);
  const failed = jobs.filter((job) => jobState(job) === 'failed');
  if (failed.length > 0) {
    const [{ metadata, status }] = failed as [(typeof failed)[number]];
    const why = status?.conditions?.find(({ type }) => type === 'Failed')?.message ?? 'its pods failed';
    const how = `\`kubectl logs job/${metadata.name}\` has its last words; delete the Job, and it is made again`;
    return isDegraded(
      'AgentsFailed',
      `${failed.length} of ${jobs.length} agents failed, as ${metadata.name}: ${why}; ${how}`,
    );
  }
  const left = jobs.filter((job) => jobState(job) === 'ended');
  if (left.length > 0 && left.length === jobs.length && seen.sweep?.state === 'running')
    return isDegraded('AgentsLeft', 'every agent was drained; delete their Jobs, and they are made again');
  return stated('Degraded', false, 'AsExpected');
}

function dated(one: Stated, object: SweepObject, generation: number, now: string): Condition {
  const before = object.status?.conditions?.find(({ type }) => type === one.type);
  const lastTransitionTime = before?.status === one.status ? before.lastTransitionTime : now;
  return { ...one, observedGeneration: generation, lastTransitionTime };
}

/** @returns whether a status says what the object says already. */
export function sameStatus(status: SweepObjectStatus, before: SweepObjectStatus | undefined): boolean {
  return sameJson(status, before);
}
