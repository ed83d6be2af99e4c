import type { Experiment } from '../../core/experiment/experiment.js';
import { leasedDevices, type Purpose } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { getOrMake } from '../../core/maps.js';
import type { WarningCode } from '../../core/result/warnings.js';
import type { Searcher } from '../../search/searcher.js';
import { median } from '../../statistics/quantile.js';
import type { Beside } from './block-order.js';
import type { Budget } from './deadline.js';
import type { NamespacePolicy } from './namespaces.js';
import { Outcomes } from './outcomes.js';
import { serves } from './placement.js';
import { Shares } from './shares.js';
import type { Stalled } from './stalled.js';
import { Starts } from './starts.js';
import { KnownResults, TrialTable } from './trial-table.js';
import type { SweepView } from './view.js';
import type { Wait } from './waits.js';

export interface SchedulerOptions {
  readonly leaseSeconds: number;
  /** A node that has not been heard of for this long is lost: what it was allocated goes to others. */
  readonly lostSeconds: number;
  /** A lost node that has not been heard of for this long is gone for good, unless it holds a lease. */
  readonly forgetSeconds: number;
  /**
   * A sweep that had a node, and now waits for one that can measure the rest, ends after so long; null or
   * left out = it waits for ever.
   */
  readonly waitSeconds?: number | null;
  /** No other node will ever come (everything in one process): what all nodes refuse is given up. */
  readonly fixedFleet: boolean;
  /** Random for each start of the coordinator; keeps its trial ids apart from those of earlier starts. */
  readonly incarnation: string;
  /** What namespaces may use, by their names; `*` = those that are not named. */
  readonly namespaces?: Readonly<Record<string, Partial<NamespacePolicy>>>;
}

/** What was tried at a point that is not settled yet. */
export interface Tries {
  /** Recorded trials that failed, which count against `placement.retries`. */
  failed: number;
  /** Recorded trials that came out invalid, which count against `measure.retryInvalid`. */
  invalid: number;
  /** Leases that ended without a record. */
  losses: number;
  /** The newest complete but invalid trial, reported when attempts run out. */
  invalidTrialId: string | null;
  /** Codes of what makes it so. */
  gradingCodes: readonly WarningCode[];
  failedTrialId: string | null;
  /** Nodes where it failed in a way that only another node can help. */
  readonly elsewhere: Map<string, string>;
}

/** The points of one sweep, or of one sweep on one node where the node is an axis. */
export interface PointQueue {
  readonly node: string | null;
  /** Next index of the random order. */
  cursor: number;
  /** Positions that came back: lost, or to be tried again. */
  readonly returned: number[];
  /** Positions that some slot refused; each slot remembers how far it has looked. */
  readonly deferred: number[];
  /** Positions in a block or under a lease, or about to be settled by a fact. */
  readonly inFlight: Set<number>;
  readonly settled: Outcomes;
  /** What chooses new points; null = they come in the random order. */
  readonly search: Searcher | null;
  /**
   * The `nextBlock` of its sweep at the time when no block of another slot had a point left to share. Until
   * there is another block, nobody looks again.
   */
  nonePending: number | null;
  /** Of `settled`, kept beside it so that a status does not count a million outcomes. */
  readonly counts: { complete: number; invalid: number; failed: number; reused: number; disturbed: number };
  /** Points by each code that disturbed them, of the complete ones, or made them invalid. */
  readonly disturbedBy: Map<string, number>;
  readonly invalidBy: Map<string, number>;
  readonly tries: Map<number, Tries>;
  /** Of points that have valid starts and lack more. */
  readonly starts: Starts;
  /** Settled by fewer starts than were asked for; they go on when the sweep is submitted again. */
  readonly cut: Set<number>;
  /**
   * Measured points whose answers are to be compared with the questions of today, or are known to be to other
   * ones (stale.ts).
   */
  readonly stale: Set<number>;
}

export interface SweepState {
  /** As it was submitted last. */
  view: SweepView;
  /** Against other sweeps of its namespace: the higher one first. */
  priority: number;
  readonly submittedAt: string;
  cancelled: boolean;
  /** Why it was cancelled, or ended before it was done. */
  ended: string | null;
  /** The node that measured it last; null = none has. */
  lastNode: string | null;
  /** It waits for a node that has left; null = it does not. */
  stalled: Stalled | null;
  /** What its next point waits for; null = no point of it waits. This is no fact. */
  wait: Wait | null;
  /** Why nothing more of it is begun; null = it is not paused. */
  paused: string | null;
  /** What it asks its models (`questionsId`), as a node said last; null = no node has. */
  questions: string | null;
  /** Whether `questions` may have changed. This is no fact: like leases, it is forgotten at a restart. */
  doubted: boolean;
  /** What it may take, as it was submitted last; null = as long as it takes. */
  budget: Budget | null;
  nextBlock: number;
  /** Where outcomes find the ids of their trials. */
  readonly trials: TrialTable;
  /** By node name; '' where the node is no axis. */
  readonly queues: Map<string, PointQueue>;
  /** Seconds of the newest finished trials, for the time left. */
  readonly trialSeconds: number[];
  /** Ids of the sweeps whose results it took over: none of them is deleted before it. */
  readonly sources: Set<string>;
}

/** Positions allocated to one device at a time, between two runs of the drift control. */
export interface Block {
  readonly sweepId: string;
  readonly queue: string;
  readonly number: number;
  readonly pending: number[];
  /** Position of the reference experiment; null = a block without drift control. */
  readonly control: number | null;
  /** Device-seconds that its namespace was charged for each position. */
  readonly charged: number;
  stage: 'begin' | 'measure' | 'end';
}

/** One device of one node: runs one trial at a time. */
export interface Slot {
  readonly node: string;
  readonly deviceId: string;
  block: Block | null;
  /** What its last block left it with, and where points that share a need were put in that. */
  left: Beside | null;
  /** Trial that holds the device. */
  trialId: string | null;
  /** How much of each queue's `deferred` it has looked at. */
  readonly deferredSeen: Map<PointQueue, number>;
}

export interface NodeState {
  profile: NodeProfile;
  instance: string;
  connected: boolean;
  lost: boolean;
  /**
   * Why it takes no more work and shall end; null until somebody asks for that. Another instance of the node
   * begins anew.
   */
  leaving: string | null;
  /** Monotonic seconds of the events. */
  seenAt: number;
  readonly slots: Map<string, Slot>;
  /**
   * The device whose next trial waits until enough devices of a class are free at once. Meanwhile the other
   * devices of that class begin nothing.
   */
  gathering: { readonly deviceId: string; readonly deviceClass: string } | null;
}

export interface LeaseState {
  readonly trialId: string;
  readonly sweepId: string;
  readonly queue: string;
  readonly position: number;
  readonly block: number;
  readonly purpose: Purpose;
  readonly attempt: number;
  readonly node: string;
  readonly deviceId: string;
  /** Devices of the node that it holds beside that one. */
  readonly otherDeviceIds: readonly string[];
  /** What was leased: a record of it needs no hash to be known by. */
  readonly experiment: Experiment;
  /** Device-seconds that its namespace was charged for it. */
  readonly charged: number;
  expiresAt: number;
}

/** A sweep that another release wrote and this one does not resume. */
export interface OtherRelease {
  readonly sweepId: string;
  readonly name: string;
  readonly submittedAt: string;
  /** Recorded trials that measured a point, by how they ended. */
  readonly counts: { complete: number; invalid: number; failed: number };
}

/**
 * Everything the scheduler knows. Its memory grows with what was allocated, never with the size of a sweep.
 * `step` and `applyFact` change it in place: a state with 10^5 outcomes must not be copied for each event.
 */
export interface SchedulerState {
  readonly options: SchedulerOptions;
  /**
   * In the order of submission; of one namespace and priority the first one that has work for a slot gives
   * it.
   */
  readonly sweeps: Map<string, SweepState>;
  readonly nodes: Map<string, NodeState>;
  readonly leases: Map<string, LeaseState>;
  /**
   * Slots that were told that there is no work, the one that has waited longest first, and whether they were
   * told that all is done. They are woken when there is work.
   */
  readonly waiting: Map<Slot, boolean>;
  /** Sweeps that had something left when slots were woken last. */
  running: number;
  /** Nodes of several devices of which one became free since then. */
  readonly freed: Set<string>;
  /** Experiment id → the trials whose results later sweeps take over. */
  readonly known: KnownResults;
  /**
   * Sweeps of the log whose documents give other ids now: their results stay readable, nothing of them runs.
   */
  readonly otherReleases: Map<string, OtherRelease>;
  /** What leases are signed with; null until the log has it, and then nothing is leased. */
  leaseKey: string | null;
  /** Trials whose records are damaged (damage.ts): recorded, and counted for nothing. */
  readonly forged: Set<string>;
  /**
   * Trials whose start another trial has given: their lease was lost, and the start was measured again. They
   * are recorded, and count for nothing.
   */
  readonly repeated: Set<string>;
  /** By trial, those with new answers that took its place. */
  readonly superseded: Map<string, string[]>;
  /** Every recorded trial. */
  readonly recorded: TrialTable;
  /** By id of a deleted sweep: how many trials were recorded when it was deleted (deletion.ts). */
  readonly deleted: Map<string, number>;
  /** Sweeps that are not deleted, and why; until somebody takes that back. */
  readonly pinned: Map<string, string>;
  /** Sweeps whose deletion is being written. This is no fact. */
  readonly deleting: Set<string>;
  draining: boolean;
  /**
   * Nodes that may hold leases of whoever led before: nothing is leased until each of them has said what it
   * still runs, or until such leases have run out (monotonic seconds). Null = nobody is waited for.
   */
  awaited: { readonly nodes: Set<string>; readonly until: number } | null;
  /** Device-seconds that each namespace has used, of all trials in the log. */
  readonly usage: Map<string, number>;
  readonly shares: Shares;
  /** Sweeps have namespaces or priorities: else the order of submission is all there is. */
  severalTurns: boolean;
  /** Nodes that are given no more work, and why; until somebody takes that back. */
  readonly cordoned: Map<string, string>;
  trialsNamed: number;
  /** Leases granted, and leases that ended without a record, since this coordinator started. */
  readonly granted: Record<Purpose, number>;
  lost: number;
}

export function emptyState(options: SchedulerOptions): SchedulerState {
  const recorded = new TrialTable();
  return {
    options,
    sweeps: new Map(),
    nodes: new Map(),
    leases: new Map(),
    waiting: new Map(),
    running: 0,
    freed: new Set(),
    known: new KnownResults(recorded),
    otherReleases: new Map(),
    leaseKey: null,
    forged: new Set(),
    repeated: new Set(),
    superseded: new Map(),
    recorded,
    deleted: new Map(),
    pinned: new Map(),
    deleting: new Set(),
    draining: false,
    awaited: null,
    usage: new Map(),
    shares: new Shares(),
    severalTurns: Object.keys(options.namespaces ?? {}).length > 0,
    cordoned: new Map(),
    trialsNamed: 0,
    granted: { measure: 0, control: 0, probe: 0, quality: 0 },
    lost: 0,
  };
}

export function queueKey(sweep: SweepState, node: string): string {
  return sweep.view.placement.perNode ? node : '';
}

/**
 * Makes the node a value of the node axis, if it works for the sweep and has a device of the classes that the
 * sweep asks for.
 */
export function joinAxis(sweep: SweepState, profile: NodeProfile): void {
  const { perNode, devices } = sweep.view.placement;
  if (!perNode || !serves(profile, sweep.view)) return;
  if (profile.devices.some((device) => device.classes.some((name) => devices.includes(name)))) {
    queueOf(sweep, profile.name);
  }
}

/** @returns the queue, made when it is not there yet. */
export function queueOf(sweep: SweepState, key: string): PointQueue {
  return getOrMake(sweep.queues, key, () => ({
    node: key === '' ? null : key,
    cursor: 0,
    returned: [],
    deferred: [],
    inFlight: new Set(),
    settled: new Outcomes(sweep.trials),
    search: sweep.view.newSearch?.() ?? null,
    nonePending: null,
    counts: { complete: 0, invalid: 0, failed: 0, reused: 0, disturbed: 0 },
    disturbedBy: new Map(),
    invalidBy: new Map(),
    tries: new Map(),
    starts: new Starts(sweep.trials, sweep.view.startsPolicy),
    cut: new Set(),
    stale: new Set(),
  }));
}

export function triesOf(queue: PointQueue, position: number): Tries {
  return getOrMake(queue.tries, position, () => ({
    failed: 0,
    invalid: 0,
    losses: 0,
    invalidTrialId: null,
    gradingCodes: [],
    failedTrialId: null,
    elsewhere: new Map(),
  }));
}

/** Trials that tell the pace: that of now, for neighbours come and go. */
const NEWEST = 5;

/** @returns seconds of one of the newest trials of a sweep; null before the first. */
export function paceOf({ trialSeconds }: SweepState): number | null {
  return trialSeconds.length === 0 ? null : median(trialSeconds.slice(-NEWEST));
}

/** @returns the fact that a point of the queue is tried no more. */
export function givenUp(sweep: SweepState, queue: PointQueue, position: number, reason: string, at: string) {
  const { node } = queue;
  const { id: experimentId } = sweep.view.experimentAt(position, node);
  const { sweepId } = sweep.view;
  return { fact: 'ExperimentGivenUp', sweepId, position, experimentId, node, reason, at } as const;
}

/** The slots of all nodes. */
export function* slotsOf(state: SchedulerState): Generator<Slot> {
  for (const node of state.nodes.values()) yield* node.slots.values();
}

/** Puts a position back in the queue, unless it is settled. */
export function requeue(queue: PointQueue, position: number): void {
  queue.inFlight.delete(position);
  if (!queue.settled.has(position)) queue.returned.push(position);
  else queue.search?.letGo(position);
}

/** A position that a search asked for is out no more, and is not measured either. */
export function forgo(queue: PointQueue, position: number): void {
  queue.inFlight.delete(position);
  queue.search?.letGo(position);
}

/**
 * @returns the nodes that may hold leases now or soon: who is connected or has one, and who is waited for.
 */
export function nodesWithLeases({ nodes, leases, awaited }: SchedulerState): Set<string> {
  const names = new Set([...leases.values()].map(({ node }) => node));
  for (const [name, { connected }] of nodes) if (connected) names.add(name);
  for (const name of awaited?.nodes ?? []) names.add(name);
  return names;
}

/** Frees every device that a lease held. */
export function freeDevices(state: SchedulerState, lease: LeaseState): void {
  const slots = state.nodes.get(lease.node)?.slots;
  for (const id of leasedDevices(lease)) {
    const slot = slots?.get(id);
    if (slot?.trialId === lease.trialId) slot.trialId = null;
  }
  if (slots !== undefined && slots.size > 1) state.freed.add(lease.node);
}
