import { isDeepStrictEqual } from 'node:util';
import type { ModelRef } from '../core/experiment/experiment.js';
import { DEFAULT_NAMESPACE } from '../core/sweep/identity.js';
import { Leadership } from './leadership.js';
import { LeaseWaits } from './lease-waits.js';
import type { ChangeSignal } from './log/change-signal.js';
import type { LogHealth } from './log/health.js';
import type { Leader, Term } from './log/leadership.js';
import type { Fact, ResultHead } from './log/log.js';
import { NotedNodes } from './noted-nodes.js';
import type { Projection } from './projection.js';
import type { Event } from './scheduler/commands.js';
import { inNamespace } from './scheduler/namespaces.js';
import type { SchedulerOptions, SchedulerState, SweepState } from './scheduler/state.js';
import { sweepStatus } from './scheduler/status.js';
import { standDown, step } from './scheduler/step.js';
import { lacksSomething, measuredOtherwise } from './scheduler/submitted-again.js';
import type { SweepView } from './scheduler/view.js';
import { type SnapshotDependencies, SnapshotKeeper } from './snapshot/keeper.js';
import { openProjection } from './snapshot/snapshot.js';
import type { SweepReader } from './sweep-reader.js';
import { ReportWriter } from './writing/report-writer.js';
import type { ReportedEvent } from './writing/waiting-reports.js';
import { type Push, type Reply, WriteBehind, type WriteBehindDependencies } from './writing/write-behind.js';

export interface DispatcherDependencies extends WriteBehindDependencies, SnapshotDependencies {
  readonly options: SchedulerOptions;
  /** Reads what is submitted; closed with the dispatcher. */
  readonly sweeps: Pick<SweepReader, 'read' | 'close'>;
  /**
   * Called for sound results that are in the log at the start, with their entries: for every one, or behind a
   * snapshot, and for those that were shown then.
   */
  readonly replayed?: (head: ResultHead, position: number) => void;
  /** Called for every lease with the seconds that its device waited for it (`LeaseWaits`). */
  readonly leased?: (seconds: number) => void;
}

/**
 * Brings scheduler and log together: takes one event at a time and has the scheduler decide. What is decided
 * is written and let out by `WriteBehind`, which alone appends to the log and applies facts.
 */
export class Dispatcher {
  readonly leadership: Leadership;
  readonly #parts: DispatcherDependencies;
  readonly #behind: WriteBehind;
  readonly #reports: ReportWriter;
  readonly #nodes: NotedNodes;
  readonly #snapshots: SnapshotKeeper;
  readonly #waits: LeaseWaits;

  private constructor(parts: DispatcherDependencies, projection: Projection) {
    this.leadership = new Leadership();
    this.#parts = parts;
    this.#waits = new LeaseWaits(parts.clock, parts.leased ?? (() => undefined));
    const push = (command: Push): void => {
      this.#waits.pushed(command);
      parts.push(command);
    };
    this.#behind = new WriteBehind({ ...parts, push }, projection, this.leadership);
    this.#reports = new ReportWriter(parts.log, this.#behind);
    this.#nodes = new NotedNodes(this.leadership, projection.state);
    this.#snapshots = new SnapshotKeeper(parts, projection);
  }

  /** Rebuilds the state from the log's snapshot, and from the entries behind it, as a standby. */
  static async open(parts: DispatcherDependencies): Promise<Dispatcher> {
    const { log, options, warn, replayed } = parts;
    const projection = await openProjection(log, options, warn, replayed);
    const dispatcher = new Dispatcher(parts, projection);
    await projection.catchUp(log, replayed);
    return dispatcher;
  }

  /** Leads from now on, with what was written until the term began. */
  takeOver(term: Term, leader: Leader): Promise<void> {
    return this.#behind.oneAtATime(async () => {
      await this.#behind.follow();
      this.leadership.took(term, leader);
      const nodes = term.nodesBefore;
      this.#nodes.begin(nodes);
      step(this.state, { event: 'took-over', now: this.#parts.clock.now(), nodes });
      // A log that is full just now takes it later: before that nothing can be leased.
      await this.#behind.ensureLeaseKey().catch(() => undefined);
    });
  }

  /** Leads no more: goes on as a standby, as if it had never led. */
  standDown(why: string): Promise<void> {
    this.#waits.clear();
    this.leadership.ended(why); // At once: what is done now may be waiting for a store that is away.
    return this.#behind.oneAtATime(async () => {
      standDown(this.state);
      this.#behind.changes.notify();
    });
  }

  /** Takes in what another coordinator has written: all that is in the log when it resolves. */
  catchUp(): Promise<void> {
    return this.#behind.oneAtATime(async () => {
      if (!this.leadership.leads) await this.#behind.follow();
    });
  }

  /** Gives back what reads the sweeps; nothing can be submitted any more. */
  async close(): Promise<void> {
    await this.#parts.sweeps.close();
  }

  /** Wakes watchers at every change. */
  get changes(): ChangeSignal {
    return this.#behind.changes;
  }

  get state(): SchedulerState {
    return this.#behind.projection.state;
  }

  get logHealth(): LogHealth {
    return this.#behind.logHealth;
  }

  /** Last entry of the log that the state knows. */
  get position(): number {
    return this.#behind.projection.position;
  }

  /** Whether it leases work: it leads, is not stopping, and its log took what it last wrote. */
  get leads(): boolean {
    return this.leadership.leads && this.#behind.written && !this.state.draining;
  }

  /** @throws WireError `unavailable`, for who has to ask the coordinator that leads. */
  checkLeads(): void {
    this.leadership.check();
  }

  /** Whether an entry of the log is left out, since it is damaged or forged. */
  isDamaged(position: number): boolean {
    return this.#behind.projection.isDamaged(position);
  }

  /** Whether an entry that is about a sweep was written before the sweep was deleted. */
  isDeleted(sweepId: string, position: number): boolean {
    return this.#behind.projection.isDeleted(sweepId, position);
  }

  /** Position of a trial's entry in the log; undefined for an unknown trial, and for a deleted one. */
  entryOf(trialId: string): number | undefined {
    return this.#behind.projection.entryOf(trialId);
  }

  /** Position of the entry by which a sweep was submitted last; undefined for an unknown one. */
  submissionOf(sweepId: string): number | undefined {
    return this.#behind.projection.submissionOf(sweepId);
  }

  /**
   * A report waits until its turn of the event loop is over: those that came in the same one are written in
   * one append.
   * @param bytes of the record's JSON, for a report: what is written together has a limit.
   * @throws FailureError of the log, WireError `conflict`; then nothing of the event has been done.
   */
  dispatch(event: Event, bytes = 0): Promise<Reply[]> {
    if (event.event === 'reported') return this.#report(event, bytes);
    if (event.event === 'work-requested') return this.#requestWork(event);
    if (event.event === 'node-disconnected' || event.event === 'node-leaving') this.#waits.left(event.node);
    return this.#inTurn(event);
  }

  async #requestWork(event: WorkRequested): Promise<Reply[]> {
    this.#waits.asked(event);
    for (let late = this.#reports.lateWritten; late !== null; late = this.#reports.lateWritten) await late;
    const ready = this.leads && this.state.leaseKey !== null;
    const replies = await (ready ? this.#grant(event) : this.#inTurn(event));
    this.#waits.answered(event, replies);
    return replies;
  }

  async #report(event: ReportedEvent, bytes: number): Promise<Reply[]> {
    this.checkLeads();
    return await this.#reports.report(event, bytes);
  }

  async #inTurn(event: Event): Promise<Reply[]> {
    const isBookkeeping = BOOKKEEPING.has(event.event);
    // An event that would wait for a log that is away is refused: whoever asks is told at once.
    if (!isBookkeeping && event.event !== 'tick') this.checkLeads();
    const replies = await this.#behind.oneAtATime(async () => {
      if (!isBookkeeping) {
        if (event.event === 'tick' && !this.leadership.leads) return [];
        this.checkLeads();
      }
      if (event.event === 'work-requested') await this.#behind.ensureLeaseKey();
      const replies = await this.#behind.carryOut(step(this.state, event));
      // What was granted under a term that has run out meanwhile is not let out.
      if (!isBookkeeping) this.checkLeads();
      return replies;
    });
    if (event.event === 'node-joined') await this.#nodes.note();
    else if (event.event === 'tick') void this.#nodes.note().catch(() => undefined);
    return replies;
  }

  /**
   * Grants at once, beside an append that is under way, where nothing has to be written for it: what is
   * leased is no fact.
   */
  async #grant(event: WorkRequested): Promise<Reply[]> {
    const commands = step(this.state, event);
    if (!commands.some(({ command }) => command === 'append')) return this.#behind.carryOut(commands);
    return this.#behind.oneAtATime(async () => {
      this.checkLeads();
      const replies = await this.#behind.carryOut(commands);
      this.checkLeads();
      return replies;
    });
  }

  /** Lets another coordinator lead at once; it waits for those nodes that still hold leases. */
  async resign(): Promise<void> {
    await this.#nodes.resign();
  }

  /**
   * @returns the sweep, and whether something was written: it is new, was cancelled, or gets another try; of
   *   a new one also the sweeps that have results of the same points, measured under another policy.
   * @param check of a sweep of which something is about to be written: throws where it is to be refused.
   */
  async submit(
    document: string,
    models: readonly ModelRef[],
    submitter: string,
    retryFailed: boolean,
    budgetSeconds: number | null = null,
    { namespace = DEFAULT_NAMESPACE, priority = null }: Turn = {},
    check: (view: SweepView) => void = () => undefined,
  ): Promise<{ view: SweepView; created: boolean; otherwise: SweepState[] }> {
    this.checkLeads();
    const view = inNamespace(await this.#parts.sweeps.read(document, models), namespace);
    return this.#behind.oneAtATime(async () => {
      this.checkLeads();
      const known = this.state.sweeps.get(view.sweepId);
      const again =
        known !== undefined &&
        (known.cancelled ||
          (retryFailed && lacksSomething(known.queues)) ||
          (!isDeepStrictEqual(known.view.placement, view.placement) && sweepStatus(known).state !== 'done') ||
          (priority !== null && priority !== known.priority && sweepStatus(known).state !== 'done') ||
          // What is left of it has a time of its own.
          (budgetSeconds !== null && sweepStatus(known).state !== 'done'));
      if (known !== undefined && !again) {
        await this.#behind.carryOut(step(this.state, { event: 'questions-doubted', sweepId: view.sweepId }));
        return { view, created: false, otherwise: [] };
      }
      check(view);
      const otherwise = known === undefined ? measuredOtherwise(this.state, view) : [];
      const { sweepId } = view;
      const at = this.#parts.clock.isoTime();
      const submitted: Fact = {
        fact: 'SweepSubmitted',
        sweepId,
        document,
        models,
        ...(budgetSeconds !== null && { budgetSeconds }),
        ...(namespace !== DEFAULT_NAMESPACE && { namespace }),
        ...((priority ?? known?.priority ?? 0) !== 0 && { priority: priority ?? known?.priority }),
        submitter,
        at,
      };
      // A pause that came while the last trials ran holds nothing back any more, and must not hold what is
      // tried again.
      const outlived = known !== undefined && known.paused !== null && sweepStatus(known).state === 'done';
      const resumed: Fact = { fact: 'SweepResumed', sweepId, reason: 'it was done', at };
      await this.#behind.append(outlived ? [resumed, submitted] : [submitted], new Map([[submitted, view]]));
      await this.#behind.carryOut(step(this.state, { event: 'questions-doubted', sweepId }));
      return { view, created: true, otherwise };
    });
  }

  /**
   * Tries a log that took nothing, every few seconds: whoever has something to write may be waiting for this
   * coordinator to be ready again.
   */
  tryLog(): Promise<void> {
    return this.#behind.tryLog(this.leadership.leads);
  }

  /** Keeps a snapshot of the state where much was written since the last one. */
  async keepSnapshot(): Promise<void> {
    if (this.leads) await this.#snapshots.keep((task) => this.#behind.oneAtATime(task));
  }
}

type WorkRequested = Extract<Event, { event: 'work-requested' }>;

/** Whose sweep it is, and how soon it is its turn there. */
export interface Turn {
  readonly namespace?: string;
  /** null = as it was, or 0. */
  readonly priority?: number | null;
}

/** What concerns this process alone and writes nothing: done by a standby as well. */
const BOOKKEEPING: ReadonlySet<Event['event']> = new Set(['drain', 'node-disconnected']);
