import type { Fact } from '../../../coordinator/log/log.js';
import type { Command, Event } from '../../../coordinator/scheduler/commands.js';
import { applyFact } from '../../../coordinator/scheduler/facts.js';
import {
  emptyState,
  type SchedulerOptions,
  type SchedulerState,
} from '../../../coordinator/scheduler/state.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import { notWritten, step, withdrawGrants } from '../../../coordinator/scheduler/step.js';
import type { SweepView } from '../../../coordinator/scheduler/view.js';
import { wakeWaiting } from '../../../coordinator/scheduler/waking.js';
import type { Experiment, Gates } from '../../../core/experiment/experiment.js';
import type { Lease } from '../../../core/experiment/lease.js';
import type { NodeProfile } from '../../../core/experiment/node.js';
import type { NodeSelector } from '../../../core/experiment/node-selector.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { DEFAULT_NAMESPACE } from '../../../core/sweep/identity.js';
import type { StartsPolicy } from '../../../core/sweep/spec.js';
import { aNode, anExperiment, aRecord, type Ending } from '../../support/wire-records.js';

export interface ViewChange {
  readonly sweepId?: string;
  readonly count?: number;
  readonly blockSize?: number;
  readonly driftControl?: boolean;
  readonly retries?: number;
  /** One start when left out, and as many retries of invalid ones as of failed ones. */
  readonly startsPolicy?: Partial<StartsPolicy>;
  readonly halfWidth?: number;
  readonly gates?: Gates;
  readonly perNode?: boolean;
  readonly nodeSelector?: NodeSelector;
  readonly memoryBytes?: (position: number) => number | null;
  /** Same prefix in two sweeps = same experiments. */
  readonly prefix?: string;
  readonly device?: string;
}

/** A sweep without a file: position p is experiment `<prefix>p`, in an order that is not the natural one. */
export function aView(change: ViewChange = {}): SweepView {
  const { sweepId = 's1', count = 10, prefix = 'x', device = 'cpu' } = change;
  const stride = [7, 5, 3, 2, 1].find((candidate) => count % candidate !== 0 || candidate === 1) ?? 1;
  const position = (experiment: Experiment): number =>
    Number(/(\d+)/.exec(experiment.id.slice(prefix.length))?.[1]);
  return {
    sweepId,
    pointsId: prefix,
    name: `sweep ${sweepId}`,
    namespace: DEFAULT_NAMESPACE,
    devicesAt: () => 1,
    count,
    impossible: 0,
    asksQuality: false,
    energyKeys: [],
    newSearch: null,
    objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
    bounds: [],
    names: [],
    placement: {
      devices: [device],
      perNode: change.perNode ?? false,
      nodeSelector: change.nodeSelector ?? {},
      blockSize: change.blockSize ?? 4,
      driftControl: change.driftControl ?? false,
      retries: change.retries ?? 1,
      seed: 1,
    },
    startsPolicy: {
      starts: 1,
      maxStarts: change.startsPolicy?.starts ?? 1,
      retryInvalid: change.retries ?? 1,
      ...change.startsPolicy,
    },
    measure: { confidence: 0.95, halfWidth: change.halfWidth ?? 0.02, gates: change.gates ?? 'warn' },
    positionAt: (index) => (index * stride + 1) % count,
    experimentAt: (at, node) =>
      withGates(
        anExperiment(`${prefix}${at}${node === null ? '' : `@${node}`}`, { device, node }),
        change.gates ?? 'warn',
      ),
    identify: (experiment) => experiment.id,
    impossibility: () => null,
    memoryBytes: (experiment) => change.memoryBytes?.(position(experiment)) ?? null,
    label: (experiment) => experiment.id,
  };
}

const withGates = (experiment: Experiment, gates: Gates): Experiment => ({
  ...experiment,
  measure: { ...experiment.measure, gates },
});

/** The coordinator without its edges: the log is an array, time is a number. */
export class Simulation {
  readonly log: Fact[] = [];
  readonly views = new Map<string, SweepView>();
  readonly options: SchedulerOptions;
  state: SchedulerState;
  now = 0;
  /** When true the next append fails, like a full disk. */
  diskFull = false;
  #starts = 0;

  constructor(options: Partial<SchedulerOptions> = {}) {
    this.options = {
      leaseSeconds: 30,
      lostSeconds: 60,
      forgetSeconds: 86_400,
      fixedFleet: false,
      incarnation: 'i0-',
      ...options,
    };
    this.state = emptyState(this.options);
    this.append([{ fact: 'LeaseKeyCreated', key: 'a key for tests', at: '' }]);
  }

  /** Submits a sweep in the namespace of its view. */
  submit(view: SweepView, more: { readonly budgetSeconds?: number; readonly priority?: number } = {}): void {
    const { sweepId, namespace } = view;
    this.views.set(sweepId, view);
    const about = { sweepId, document: '', models: [], submitter: 'test', at: '', ...more };
    const whose = namespace === DEFAULT_NAMESPACE ? {} : { namespace };
    this.append([{ fact: 'SweepSubmitted', ...about, ...whose }]);
  }

  append(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.fact === 'ResultRecorded' && this.state.recorded.has(fact.record.trialId)) continue;
      this.log.push(fact);
      applyFact(this.state, fact, 'sweepId' in fact ? (this.views.get(fact.sweepId) ?? null) : null);
    }
  }

  /** Carries an event out; what follows a failed append is not carried out. */
  send(event: Event): Command[] {
    const done: Command[] = [];
    const decided = step(this.state, event);
    for (const command of decided) {
      if (command.command === 'append') {
        if (this.diskFull) {
          this.diskFull = false;
          notWritten(this.state, command.facts);
          withdrawGrants(this.state, decided);
          return done;
        }
        this.append(command.facts);
        wakeWaiting(this.state);
      }
      done.push(command);
    }
    return done;
  }

  join(
    name = 'node-a',
    trialIds: readonly string[] = [],
    change: Partial<NodeProfile> = {},
    instance = name,
  ): Command[] {
    const profile = aNode(name, change);
    return this.send({ event: 'node-joined', now: this.now, at: '', profile, instance, trialIds });
  }

  /** @returns the lease, or null for "no work". */
  ask(node = 'node-a', deviceId = 'cpu0'): Lease | null {
    const answers = this.send({ event: 'work-requested', now: this.now, at: '', node, deviceId });
    const grant = answers.find((command) => command.command === 'grant');
    return grant === undefined ? null : grant.lease;
  }

  report(record: ResultRecord): Command[] {
    return this.send({ event: 'reported', at: '', record });
  }

  tick(seconds: number): Command[] {
    this.now += seconds;
    return this.send({ event: 'tick', now: this.now, at: new Date(1000 * this.now).toISOString() });
  }

  /** Kills the coordinator and starts it again on the same log. */
  restart(): void {
    this.#starts += 1;
    this.state = emptyState({ ...this.options, incarnation: `i${this.#starts}-` });
    for (const fact of this.log) {
      applyFact(this.state, fact, 'sweepId' in fact ? (this.views.get(fact.sweepId) ?? null) : null);
    }
  }

  /** What a restart must give back exactly: the outcomes and what was tried, by sweep and queue. */
  durable(): unknown {
    return [...this.state.sweeps].map(([sweepId, sweep]) => ({
      sweepId,
      cancelled: sweep.cancelled,
      paused: sweep.paused,
      queues: [...sweep.queues]
        .filter(([, queue]) => queue.settled.size + queue.starts.total > 0)
        .map(([key, queue]) => ({
          key,
          counts: queue.counts,
          settled: [...queue.settled].sort(),
          starts: [...queue.starts].sort(),
        })),
    }));
  }
}

/** Runs the node's lane until it gets no more work. @returns the leases in order. */
export function runAll(
  sim: Simulation,
  node = 'node-a',
  ending: (lease: Lease) => Ending = () => ({}),
): Lease[] {
  const leases: Lease[] = [];
  for (let lease = sim.ask(node); lease !== null; lease = sim.ask(node)) {
    leases.push(lease);
    sim.report(aRecord(lease, aNode(node), ending(lease)));
    if (leases.length > 1000) throw new Error('endless');
  }
  return leases;
}
/** Where a sweep stands. */
export const status = (sim: Simulation, sweepId = 's1') => sweepStatus(sim.state.sweeps.get(sweepId)!);
