import type { Job } from '../kubernetes/objects.js';
import { type Asked, askedBy, isLeftTo, type Others } from './asked.js';
import type { SweepObject, SweepObjectStatus, SweepSpec } from './definition.js';
import { eventsOf, type SweepEvent } from './events.js';
import { type AgentDefaults, agentJob, isCurrent, jobState } from './job.js';
import type { Reading } from './reading.js';
import { type Seen, sameStatus, statusOf } from './status.js';

/** What is known at one moment of one object; nothing else decides. */
export interface Observed {
  readonly object: SweepObject;
  readonly reading: Reading;
  /** The sweep's id once the coordinator has said it. */
  readonly sweepId: string | null;
  readonly seen: Seen;
  /**
   * What other objects that ask for the very same sweep want of it; those that are being deleted do not
   * count.
   */
  readonly others: Others;
  /** Agents of this object, those on their way out, too. */
  readonly jobs: readonly Job[];
  readonly defaults: AgentDefaults;
  /** RFC 3339. */
  readonly now: string;
}

/**
 * One step towards what the object asks for. Each may be done twice, and may be the last one that this
 * process does.
 */
export type Action =
  /** Nothing of the object goes before the sweep is cancelled. */
  | { readonly step: 'hold' }
  | { readonly step: 'release' }
  | { readonly step: 'submit'; readonly document: string; readonly namespace: string }
  | { readonly step: 'cancel' | 'suspend' | 'resume'; readonly sweepId: string; readonly reason: string }
  | { readonly step: 'start-agent'; readonly job: Job }
  | { readonly step: 'end-agent'; readonly name: string; readonly uid: string }
  /** Events come first: they are named after the status before, so that none is written twice. */
  | ({ readonly step: 'tell' } & Told);

/** What an object says next, and what its reader is told of the change. */
export interface Told {
  readonly status: SweepObjectStatus;
  readonly events: readonly SweepEvent[];
}

/** Kept on an object until its sweep is cancelled and its agents are gone. */
export const FINALIZER = 'ridgepoint.dev/sweep';

/**
 * What to do next for an object: level-triggered and pure, so that whoever looks again, this process or the
 * next one, goes on from what there is. Order matters where a step may be the last: the finalizer before
 * anything that it protects, leases before the pods that hold them, pods before the object.
 */
export function reconcile(observed: Observed): readonly Action[] {
  const { metadata } = observed.object;
  const held = metadata.finalizers?.includes(FINALIZER) === true;
  if (metadata.deletionTimestamp !== undefined) return held ? leave(observed) : [];
  // The finalizer comes first: a sweep submitted without it would outlive an object that is deleted
  // meanwhile.
  if (!held) return [{ step: 'hold' }];
  return observed.reading.ok
    ? [...pursue(observed, observed.reading)]
    : [...endAll(observed), ...tell(observed, null)];
}

/** Cancels, waits until nothing runs, ends the agents, and lets the object go. */
function leave(observed: Observed): readonly Action[] {
  const { seen, others, reading, jobs } = observed;
  const asked: Asked = 'cancel';
  // Who submitted it may have ended before it wrote down the id.
  const sweepId = observed.sweepId ?? (reading.ok ? reading.sweepId : null);
  if (sweepId !== null && others === 'none') {
    if (seen.trouble !== null) return tell(observed, asked);
    const sweep = seen.sweep;
    if (sweep !== null && isOpen(sweep.state))
      return [{ step: 'cancel', sweepId, reason: reasonOf(observed, 'was deleted') }];
    if (sweep !== null && sweep.running > 0) return tell(observed, asked);
  }
  const ends = endAll(observed);
  if (ends.length > 0) return ends;
  return jobs.length > 0 ? [] : [{ step: 'release' }];
}

function* pursue(
  observed: Observed,
  { spec, document, namespace }: Extract<Reading, { ok: true }>,
): Generator<Action> {
  const { seen, sweepId, object } = observed;
  const wanted = askedBy(spec);
  if (seen.trouble !== null || seen.refusal !== null) {
    // A coordinator that refuses the sweep gives its agents no work, so they free their devices. While the
    // coordinator cannot be asked, they go on.
    if (seen.refusal !== null) yield* endAll(observed);
    yield* tell(observed, object.status?.asked ?? null);
    return;
  }
  const { sweep } = seen;
  const before = object.status?.asked ?? null;
  const begins = sweep === null && wanted !== 'cancel';
  const goesOn = sweep?.state === 'cancelled' && before === 'cancel' && wanted !== 'cancel';
  if (begins || goesOn || sweepId === null) {
    if (wanted === 'cancel') yield* tell(observed, wanted);
    else yield { step: 'submit', document, namespace };
    return;
  }
  // A sweep that others go on with is left to them.
  const steered = isLeftTo(observed.others, wanted) ? null : wanted;
  const asked = steered ?? (before !== null && sweep?.state === LEFT_BY[before] ? before : null);
  // The status says so before it is done: whoever undoes it must know which object asked for it.
  const first = asked !== before;
  if (first) yield* tell(observed, asked);
  if (sweep !== null) yield* steer(observed, sweepId, sweep.state, steered, asked);
  yield* agents(observed, spec, sweepId);
  if (!first) yield* tell(observed, asked);
}

/** The state that each leaves a sweep in. */
const LEFT_BY = { cancel: 'cancelled', suspend: 'paused' } as const;

/**
 * Makes the coordinator's state what the object says; what somebody else asked the coordinator for is theirs.
 */
function* steer(
  observed: Observed,
  sweepId: string,
  state: string,
  wanted: Asked,
  asked: Asked,
): Generator<Action> {
  if (wanted === 'cancel' && isOpen(state))
    yield { step: 'cancel', sweepId, reason: reasonOf(observed, 'says cancel') };
  if (wanted === 'suspend' && state === 'running')
    yield { step: 'suspend', sweepId, reason: reasonOf(observed, 'says suspend') };
  if (wanted === null && state === 'paused' && asked === 'suspend')
    yield { step: 'resume', sweepId, reason: reasonOf(observed, 'says suspend no more') };
}

/** As many Jobs as the sweep has work for, each as the object wants it; none where nothing may run. */
function* agents(observed: Observed, spec: SweepSpec, sweepId: string): Generator<Action> {
  const { jobs, object, defaults, seen } = observed;
  const sweep = seen.sweep;
  const runs = sweep?.state === 'running' && !spec.cancel && !spec.suspend;
  // What runs is finished, or stopped by the coordinator, before its devices are taken away.
  if (!runs && (sweep?.running ?? 0) > 0) return;
  const count = runs && spec.agents !== undefined ? Math.min(spec.agents.replicas, sweep.points) : 0;
  const wanted = Array.from({ length: count }, (_, index) =>
    agentJob(object, spec.agents!, index, sweepId, defaults),
  );
  const names = new Map(wanted.map((job) => [job.metadata.name, job]));
  for (const job of jobs) {
    const mine = names.get(job.metadata.name);
    if (mine === undefined || !isCurrent(job, mine)) yield* end(job);
  }
  const there = new Set(jobs.map(({ metadata }) => metadata.name));
  for (const job of wanted) if (!there.has(job.metadata.name)) yield { step: 'start-agent', job };
}

function* end(job: Job): Generator<Action> {
  if (jobState(job) === 'going') return;
  yield { step: 'end-agent', name: job.metadata.name, uid: job.metadata.uid ?? '' };
}

const endAll = ({ jobs }: Observed): readonly Action[] => jobs.flatMap((job) => [...end(job)]);

/** Nothing where the object says so already. */
function tell(observed: Observed, asked: Asked): readonly Action[] {
  const told = toldOf(observed, asked);
  return sameStatus(told.status, observed.object.status) ? [] : [{ step: 'tell', ...told }];
}

/** @returns the status of an object as it is now, and the events since the one that it has. */
export function toldOf(observed: Observed, asked: Asked): Told {
  const status = statusOf(observed, asked);
  const failures = observed.seen.sweep?.failureReasons ?? [];
  return { status, events: eventsOf(observed.object.status, status, failures) };
}

const isOpen = (state: string): boolean => state === 'running' || state === 'paused';

function reasonOf({ object: { metadata } }: Observed, what: string): string {
  return `the Sweep ${metadata.namespace ?? ''}/${metadata.name} ${what}`;
}
