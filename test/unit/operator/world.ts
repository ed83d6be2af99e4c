import type { Job } from '../../../operator/kubernetes/objects.js';
import type { SweepObject, SweepObjectStatus } from '../../../operator/sweep/definition.js';
import { UID_LABEL } from '../../../operator/sweep/job.js';
import { type Reading, readObject } from '../../../operator/sweep/reading.js';
import { type Action, FINALIZER, type Observed, reconcile } from '../../../operator/sweep/reconcile.js';
import type { SweepSeen } from '../../../operator/sweep/status.js';

export const SWEEP = {
  metadata: { name: 'quick' },
  spec: {
    models: 'builtin:tiny',
    runners: { kind: 'fake' },
    workloads: { kind: 'latency', promptTokens: [16, 32, 64] },
  },
};

export const DEFAULTS: Observed['defaults'] = {
  image: 'ridgepoint-agent:test',
  imagePullPolicy: null,
  imagePullSecrets: [],
  credentials: 'agent-tls',
  coordinator: 'coordinator:7117',
  user: 10_001,
};

export function anObject(spec: object = {}, metadata: object = {}): SweepObject {
  return {
    apiVersion: 'ridgepoint.dev/v1alpha1',
    kind: 'Sweep',
    metadata: { name: 'one', namespace: 'lab', uid: 'u1', generation: 1, ...metadata },
    spec: { sweep: SWEEP, ...spec },
  };
}

export function seenSweep(changes: Partial<SweepSeen> = {}): SweepSeen {
  return {
    sweepId: 's1',
    name: 'quick',
    state: 'running',
    points: 3,
    complete: 0,
    failed: 0,
    invalid: 0,
    running: 0,
    queued: 3,
    reused: 0,
    disturbed: 0,
    submittedAt: '2026-11-30T00:00:00Z',
    trialSeconds: 0,
    starts: 1,
    maxStarts: 1,
    start: 1,
    trialsLeft: 3,
    blockedReasons: [],
    failureReasons: [],
    objectives: [],
    invalidBy: [],
    disturbedBy: [],
    names: [],
    spared: 0,
    search: undefined,
    namespace: 'default',
    priority: 0,
    secondsLeft: 0,
    pinned: '',
    ...changes,
  };
}

const POINTS = 3;

/** A document is read once, as the operator does it. */
const readings = new WeakMap<object, Reading>();

function readingOf(object: SweepObject): Reading {
  const known = readings.get(object.spec as object) ?? readObject(object);
  readings.set(object.spec as object, known);
  return known;
}

/**
 * An API server, a coordinator and agents as `reconcile` meets them, small enough to be killed at every step.
 */
export class World {
  object: SweepObject | null;
  readonly jobs = new Map<string, Job>();
  sweep: SweepSeen | null = null;
  /** Every step that was done, in order. */
  readonly steps: string[] = [];
  /** Points that were measured, each time. */
  readonly measured: string[] = [];
  /** What one process remembers. */
  #sweepId: string | null = null;

  constructor(spec: object = {}) {
    this.object = anObject(spec);
  }

  observed(object: SweepObject): Observed {
    const reading = readingOf(object);
    const sweepId = this.#sweepId ?? object.status?.sweepId ?? null;
    const known = sweepId ?? (object.metadata.deletionTimestamp === undefined ? null : 'deleting');
    const seen = {
      trouble: null,
      refusal: null,
      best: null,
      fault: null,
      sweep: known === null ? null : this.sweep,
    };
    const now = '2026-11-30T00:00:00Z';
    return {
      object,
      reading,
      sweepId,
      seen,
      others: 'none',
      jobs: [...this.jobs.values()],
      defaults: DEFAULTS,
      now,
    };
  }

  /**
   * One look by the operator.
   * @param lives whether the process is still there before a step.
   * @returns whether it did anything.
   */
  look(lives: () => boolean = () => true): boolean {
    if (this.object === null) return false;
    const actions = reconcile(this.observed(this.object));
    for (const action of actions) {
      if (!lives()) return true;
      this.#do(action);
      this.steps.push(action.step);
      if (!lives()) return true;
    }
    return actions.length > 0;
  }

  /** A process ends, and another one begins. */
  restart(): void {
    this.#sweepId = null;
  }

  edit(spec: object): void {
    if (this.object === null) return;
    const { metadata } = this.object;
    this.object = {
      ...this.object,
      spec: { ...(this.object.spec as object), ...spec },
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
    };
  }

  delete(): void {
    if (this.object === null) return;
    const { metadata } = this.object;
    if (metadata.finalizers === undefined || metadata.finalizers.length === 0) this.object = null;
    else this.object = { ...this.object, metadata: { ...metadata, deletionTimestamp: 'now' } };
  }

  /** Agents measure a point, Jobs that go are gone. */
  turn(): void {
    for (const [name, job] of this.jobs)
      if (job.metadata.deletionTimestamp !== undefined) this.jobs.delete(name);
    const { sweep } = this;
    if (sweep?.state !== 'running' || this.jobs.size === 0) {
      // A trial that ran when the sweep was held back is finished, or stopped.
      if (sweep !== null) this.sweep = { ...sweep, running: 0 };
      return;
    }
    if (sweep.running === 0) this.sweep = { ...sweep, running: 1 };
    else {
      this.measured.push(`p${sweep.complete}`);
      const complete = sweep.complete + 1;
      const state = complete === POINTS ? 'done' : 'running';
      this.sweep = { ...sweep, complete, queued: POINTS - complete, running: 0, state };
    }
  }

  #do(action: Action): void {
    const object = this.object!;
    const { metadata } = object;
    switch (action.step) {
      case 'hold':
        this.object = { ...object, metadata: { ...metadata, finalizers: [FINALIZER] } };
        return;
      case 'release':
        this.object = metadata.deletionTimestamp === undefined ? object : null;
        return;
      case 'submit':
        this.#sweepId = 's1';
        if (this.sweep === null) this.sweep = seenSweep();
        else if (this.sweep.state === 'cancelled') this.sweep = { ...this.sweep, state: 'running' };
        return;
      case 'cancel':
        this.sweep = { ...this.sweep!, state: 'cancelled' };
        return;
      case 'suspend':
        this.sweep = { ...this.sweep!, state: 'paused' };
        return;
      case 'resume':
        this.sweep = { ...this.sweep!, state: 'running' };
        return;
      case 'start-agent': {
        const job = {
          ...action.job,
          metadata: { ...action.job.metadata, uid: `j-${action.job.metadata.name}` },
        };
        if (!this.jobs.has(job.metadata.name))
          this.jobs.set(job.metadata.name, { ...job, status: { active: 1 } });
        return;
      }
      case 'end-agent': {
        const job = this.jobs.get(action.name);
        if (job === undefined || job.metadata.uid !== action.uid) return;
        this.jobs.set(action.name, { ...job, metadata: { ...job.metadata, deletionTimestamp: 'now' } });
        return;
      }
      case 'tell':
        this.object = { ...object, status: action.status as SweepObjectStatus };
    }
  }
}

export const labelled = (job: Job): string | undefined => job.metadata.labels?.[UID_LABEL];
