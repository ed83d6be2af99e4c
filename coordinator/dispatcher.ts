import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Failure, toFailure } from '../core/errors.js';
import type { ModelRef } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import { isTooLarge, tooLargeRecord } from '../core/result/too-large.js';
import { DEFAULT_NAMESPACE } from '../core/sweep/identity.js';
import { answeredAgain } from '../judgement/answered-again.js';
import { WireError } from '../proto/errors.js';
import type { Clock } from './clock.js';
import { Leadership } from './leadership.js';
import { ChangeSignal } from './log/change-signal.js';
import type { LogHealth } from './log/health.js';
import type { Leader, Term } from './log/leadership.js';
import type { Fact, Log, ResultHead } from './log/log.js';
import type { Projection } from './projection.js';
import { type ReportedEvent, Reports, type WaitingReport } from './reports.js';
import type { Command, Event } from './scheduler/commands.js';
import { inNamespace } from './scheduler/namespaces.js';
import { keptAnswersOf } from './scheduler/stale.js';
import {
  nodesWithLeases,
  queueKey,
  queueOf,
  type SchedulerOptions,
  type SchedulerState,
  type SweepState,
} from './scheduler/state.js';
import { sweepStatus } from './scheduler/status.js';
import { notWritten, standDown, step, withdrawGrants } from './scheduler/step.js';
import { lacksSomething, measuredOtherwise } from './scheduler/submitted-again.js';
import type { SweepView } from './scheduler/view.js';
import { wakeWaiting } from './scheduler/waking.js';
import { draftSnapshot, openProjection } from './snapshot/snapshot.js';
import type { SweepReader } from './sweep-reader.js';
import { LogWriter } from './writer.js';

/** A command for a node's stream rather than for whoever caused the event. */
export type Push = Extract<Command, { command: 'stop-trial' | 'wake' | 'drain-node' | 'pause-node' }>;
/** An answer for whoever caused the event. */
export type Reply = Extract<
  Command,
  { command: 'grant' | 'no-work' | 'acknowledge' | 'refuse' | 'unknown-trials' | 'not-paused' }
>;

export interface DispatcherDependencies {
  readonly log: Log;
  readonly clock: Clock;
  readonly options: SchedulerOptions;
  /** Reads what is submitted; closed with the dispatcher. */
  readonly sweeps: Pick<SweepReader, 'read' | 'close'>;
  readonly push: (command: Push) => void;
  /** Called for every new result, after it is in the log. */
  readonly recorded: (record: ResultRecord) => void;
  /** Called for sound results that are in the log at the start, with their entries: for every one, or behind a snapshot, and for those that were shown then. */
  readonly replayed?: (head: ResultHead, position: number) => void;
  /** Trials that are exported. */
  readonly shown?: () => Iterable<string>;
  /** Entries of the log behind a snapshot that make another one worth while; left out = 10,000, and a sixteenth of all. */
  readonly snapshotEntries?: number;
  /** Called for every sound result that another coordinator wrote while this one stood by, with its entry. */
  readonly followed?: (head: ResultHead, position: number) => void;
  /** Called after every append with the seconds that it took. */
  readonly appended?: (seconds: number) => void;
  /** The log refused to be written: what was asked is undone, and so will be all that follows. Called once when that begins. */
  readonly logFailed?: (reason: Failure) => void;
  /** The log takes again what it refused, after so many seconds and appends. */
  readonly logRecovered?: (seconds: number, refused: number) => void;
  /** One sentence about something that did not stop the work. */
  readonly warn: (sentence: string) => void;
}

/**
 * Brings scheduler and log together: takes one event at a time, writes the facts it asks for, applies them,
 * and only then lets out what follows. So nothing is acknowledged before the log has it.
 */
export class Dispatcher {
  readonly #parts: DispatcherDependencies;
  readonly #projection: Projection;
  readonly #writer: LogWriter;
  readonly leadership = new Leadership();
  /** Nodes that the store knows to be waited for by whoever leads next. */
  #noted: ReadonlySet<string> = new Set();
  #noting: Promise<unknown> = Promise.resolve();
  /** The next noting, which all share that join while one is under way. */
  #nextNoting: Promise<void> | null = null;
  /** Wakes watchers at every change. */
  readonly changes = new ChangeSignal();
  readonly #reports = new Reports<Reply[]>();
  /** Reports on their way into the log of trials that are leased no more: their points stand in the queue, and nothing is given away meanwhile. */
  readonly #late = new Set<Promise<unknown>>();
  #queue: Promise<unknown> = Promise.resolve();
  /** Entries of the log that a snapshot has, or had when the last one was tried. */
  #kept: number;
  #keeping = false;

  private constructor(parts: DispatcherDependencies, projection: Projection) {
    this.#parts = parts;
    this.#projection = projection;
    this.#kept = projection.position;
    this.#writer = new LogWriter(parts.log, parts.clock, this.#projection, this.leadership, {
      ...(parts.appended && { appended: parts.appended }),
      ...(parts.logFailed && { failed: parts.logFailed }),
      ...(parts.logRecovered && { recovered: parts.logRecovered }),
    });
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
    return this.#oneAtATime(async () => {
      await this.#follow();
      this.leadership.took(term, leader);
      const nodes = term.nodesBefore;
      this.#noted = new Set(nodes);
      step(this.state, { event: 'took-over', now: this.#parts.clock.now(), nodes });
      // A log that is full just now takes it later: before that nothing can be leased.
      await this.#ensureLeaseKey().catch(() => undefined);
    });
  }

  /** Leads no more: goes on as a standby, as if it had never led. */
  standDown(why: string): Promise<void> {
    this.leadership.ended(why); // At once: what is done now may be waiting for a store that is away.
    return this.#oneAtATime(async () => {
      standDown(this.state);
      this.changes.notify();
    });
  }

  /** Takes in what another coordinator has written: all that is in the log when it resolves. */
  catchUp(): Promise<void> {
    return this.#oneAtATime(async () => {
      if (!this.leadership.leads) await this.#follow();
    });
  }

  /** Gives back what reads the sweeps; nothing can be submitted any more. */
  async close(): Promise<void> {
    await this.#parts.sweeps.close();
  }

  get state(): SchedulerState {
    return this.#projection.state;
  }

  get logHealth(): LogHealth {
    return this.#writer.health;
  }

  /** Last entry of the log that the state knows. */
  get position(): number {
    return this.#projection.position;
  }

  /** Whether it leases work: it leads, is not stopping, and its log took what it last wrote. */
  get leads(): boolean {
    return this.leadership.leads && this.#writer.written && !this.state.draining;
  }

  /** @throws WireError `unavailable`, for who has to ask the coordinator that leads. */
  checkLeads(): void {
    this.leadership.check();
  }

  /** Whether an entry of the log is left out, since it is damaged or forged. */
  isDamaged(position: number): boolean {
    return this.#projection.isDamaged(position);
  }

  /** Position of a trial's entry in the log; undefined for an unknown trial. */
  entryOf(trialId: string): number | undefined {
    return this.#projection.entryOf(trialId);
  }

  /** Position of the entry by which a sweep was submitted last; undefined for an unknown one. */
  submissionOf(sweepId: string): number | undefined {
    return this.#projection.submissionOf(sweepId);
  }

  /**
   * A report waits until its turn of the event loop is over: those that came in the same one are written in one append.
   * @param bytes of the record's JSON, for a report: what is written together has a limit.
   * @throws FailureError of the log, WireError `conflict`; then nothing of the event has been done.
   */
  dispatch(event: Event, bytes = 0): Promise<Reply[]> {
    if (event.event === 'reported') return this.#report(event, bytes);
    if (event.event === 'work-requested' && this.#late.size > 0)
      return Promise.allSettled(this.#late).then(() => this.dispatch(event));
    if (event.event === 'work-requested' && this.leads && this.state.leaseKey !== null)
      return this.#grant(event);
    return this.#inTurn(event);
  }

  async #inTurn(event: Event): Promise<Reply[]> {
    const isBookkeeping = BOOKKEEPING.has(event.event);
    // An event that would wait for a log that is away is refused: whoever asks is told at once.
    if (!isBookkeeping && event.event !== 'tick') this.checkLeads();
    const replies = await this.#oneAtATime(async () => {
      if (!isBookkeeping) {
        if (event.event === 'tick' && !this.leadership.leads) return [];
        this.checkLeads();
      }
      if (event.event === 'work-requested') await this.#ensureLeaseKey();
      const replies = await this.#carryOut(step(this.state, event));
      // What was granted under a term that has run out meanwhile is not let out.
      if (!isBookkeeping) this.checkLeads();
      return replies;
    });
    if (event.event === 'node-joined') await this.#noteNodes();
    else if (event.event === 'tick') void this.#noteNodes().catch(() => undefined);
    return replies;
  }

  /** Grants at once, beside an append that is under way, where nothing has to be written for it: what is leased is no fact. */
  async #grant(event: Event): Promise<Reply[]> {
    const commands = step(this.state, event);
    if (!commands.some(({ command }) => command === 'append')) return this.#carryOut(commands);
    return this.#oneAtATime(async () => {
      this.checkLeads();
      const replies = await this.#carryOut(commands);
      this.checkLeads();
      return replies;
    });
  }

  /** Lets the store know who may hold leases of this term, before anybody new is granted one. */
  #noteNodes(): Promise<void> {
    this.#nextNoting ??= this.#noting.then(() => {
      this.#nextNoting = null;
      const noting = this.#note();
      this.#noting = noting.catch(() => undefined);
      return noting;
    });
    return this.#nextNoting;
  }

  async #note(): Promise<void> {
    const { term } = this.leadership;
    const nodes = nodesWithLeases(this.state);
    const isNoted = nodes.size === this.#noted.size && [...nodes].every((name) => this.#noted.has(name));
    if (term === null || isNoted) return;
    await term.noteNodes([...nodes].sort());
    this.#noted = nodes;
  }

  /** Lets another coordinator lead at once; it waits for those nodes that still hold leases. */
  async resign(): Promise<void> {
    await this.leadership.term?.resign([...new Set([...this.state.leases.values()].map(({ node }) => node))]);
  }

  /**
   * @returns the sweep, and whether something was written: it is new, was cancelled, or gets another try; of a new one also the
   * sweeps that have results of the same points, measured under another policy.
   */
  async submit(
    document: string,
    models: readonly ModelRef[],
    submitter: string,
    retryFailed: boolean,
    budgetSeconds: number | null = null,
    { namespace = DEFAULT_NAMESPACE, priority = null }: Turn = {},
  ): Promise<{ view: SweepView; created: boolean; otherwise: SweepState[] }> {
    this.checkLeads();
    const view = inNamespace(await this.#parts.sweeps.read(document, models), namespace);
    return this.#oneAtATime(async () => {
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
        await this.#carryOut(step(this.state, { event: 'questions-doubted', sweepId: view.sweepId }));
        return { view, created: false, otherwise: [] };
      }
      const otherwise = known === undefined ? measuredOtherwise(this.state, view) : [];
      const { sweepId } = view;
      const at = this.#parts.clock.at();
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
      // A pause that came while the last trials ran holds nothing back any more, and must not hold what is tried again.
      const outlived = known !== undefined && known.paused !== null && sweepStatus(known).state === 'done';
      const resumed: Fact = { fact: 'SweepResumed', sweepId, reason: 'it was done', at };
      await this.#append(outlived ? [resumed, submitted] : [submitted], new Map([[submitted, view]]));
      await this.#carryOut(step(this.state, { event: 'questions-doubted', sweepId }));
      return { view, created: true, otherwise };
    });
  }

  /**
   * Tries a log that took nothing, every few seconds: whoever has something to write may be waiting for this coordinator to
   * be ready again.
   */
  async tryLog(): Promise<void> {
    const bytes = this.leadership.leads ? this.#writer.due : null;
    if (bytes !== null) await this.#oneAtATime(() => this.#writer.probe(bytes));
  }

  /**
   * Keeps a snapshot of the state where much was written since the last one. What is appended waits until it is drafted, leases are granted
   * meanwhile; that it reaches the disk nobody waits for.
   */
  async keepSnapshot(): Promise<void> {
    const {
      log,
      warn,
      shown,
      snapshotEntries = Math.max(SNAPSHOT_ENTRIES, this.position / SNAPSHOT_SHARE),
    } = this.#parts;
    const due = this.leads && log.snapshots !== null && this.position - this.#kept >= snapshotEntries;
    if (!due || this.#keeping) return;
    this.#keeping = true;
    try {
      const draft = await this.#oneAtATime(() => {
        this.#kept = this.position;
        return draftSnapshot(log, this.#projection, shown?.() ?? []);
      });
      await draft?.keep().catch(async (error: unknown) => {
        await draft.drop();
        throw error;
      });
    } catch (error) {
      // The next start reads more of the log.
      warn(`No snapshot of the log was kept: ${toFailure(error).message}`);
    } finally {
      this.#keeping = false;
    }
  }

  #oneAtATime<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Follows what the coordinator that leads writes, so that readers here are notified as well. */
  async #follow(): Promise<void> {
    const { position } = this;
    await this.#projection.catchUp(this.#parts.log, this.#parts.followed);
    if (this.position > position) this.changes.notify();
  }

  async #report(reported: ReportedEvent, bytes: number): Promise<Reply[]> {
    this.checkLeads();
    const event = reported.record.sweep.purpose === 'quality' ? await this.#withAnswers(reported) : reported;
    const written = new Promise<Reply[]>((resolve, reject) => {
      this.#reports.add({ event, bytes, resolve, reject });
      if (this.#reports.waiting === 1) this.#writeReportsSoon();
    });
    if (this.state.leases.has(event.record.trialId)) return written;
    this.#late.add(written);
    return written.finally(() => this.#late.delete(written));
  }

  /** Puts new answers into the record that they were asked for: its timed numbers stay. */
  async #withAnswers(event: ReportedEvent): Promise<ReportedEvent> {
    const { supersedes, sweep: about, node } = event.record;
    const known = this.state.sweeps.get(about.id);
    const kept =
      known && keptAnswersOf(this.state, queueOf(known, queueKey(known, node.name)), about.position);
    // Only into the record of the trial that its point shows.
    const position = kept?.trialId === supersedes ? this.#projection.entryOf(supersedes ?? '') : undefined;
    if (position === undefined) return event;
    const { fact } = await this.#parts.log.get(position, 'full');
    if (fact.fact !== 'ResultRecorded') return event;
    const { start } = fact.record.sweep;
    const answered = answeredAgain(fact.record, event.record);
    if (answered === fact.record) return event;
    // A result that was taken over names another sweep.
    const sweep = {
      ...event.record.sweep,
      purpose: 'measure' as const,
      ...(start !== undefined && { start }),
    };
    return { ...event, answered: { ...answered, sweep } };
  }

  #writeReportsSoon(): void {
    setImmediate(() => {
      void this.#oneAtATime(async () => {
        await this.#writeReports(this.#reports.take());
        if (this.#reports.waiting > 0) this.#writeReportsSoon();
      });
    });
  }

  /** Answers every report, each after it is in the log. Where they cannot be written together, each is tried alone. */
  async #writeReports(reports: readonly WaitingReport<Reply[]>[]): Promise<void> {
    const decided: { report: WaitingReport<Reply[]>; commands: Command[] }[] = [];
    for (const report of reports) {
      try {
        decided.push({ report, commands: step(this.state, report.event) });
      } catch (error) {
        report.reject(error);
      }
    }
    const facts = decided.flatMap(({ commands }) =>
      commands.flatMap((command) => (command.command === 'append' ? command.facts : [])),
    );
    let written = facts.length === 0;
    if (!written && decided.length > 1) {
      try {
        await this.#writer.write(facts);
        this.#takeIn(facts);
        written = true;
      } catch (error) {
        // Whoever asks again after a conflict finds a state that knows what the other coordinator wrote.
        if (error instanceof WireError) {
          for (const { report } of decided) report.reject(error);
          return;
        }
      }
    }
    for (const { report, commands } of decided) {
      const left = written ? commands.filter(({ command }) => command !== 'append') : commands;
      await this.#carryOut(left)
        .catch((error) => this.#withoutSize(report.event, error))
        .then(report.resolve, report.reject);
    }
  }

  /**
   * A record that the log refuses for its size: its trial has failed by that, and its agent is asked to keep the record.
   * @throws the error where it is another.
   */
  async #withoutSize(event: ReportedEvent, error: unknown): Promise<Reply[]> {
    if (!isTooLarge(error)) throw error;
    const record = tooLargeRecord(event.record, error.message);
    const replies = await this.#carryOut(step(this.state, { ...event, record, json: null }));
    const { trialId } = record;
    return replies.map((reply) =>
      reply.command === 'acknowledge' ? { command: 'refuse', trialId, reason: error.message } : reply,
    );
  }

  async #carryOut(commands: readonly Command[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (const command of commands) {
      switch (command.command) {
        case 'append':
          await this.#append(command.facts).catch((error: unknown) => {
            withdrawGrants(this.state, commands);
            throw error;
          });
          break;
        case 'stop-trial':
        case 'wake':
        case 'drain-node':
        case 'pause-node':
          this.#parts.push(command);
          break;
        default:
          replies.push(command);
      }
    }
    this.changes.notify();
    return replies;
  }

  /** @param views of submitted sweeps: they were read before. @throws as `dispatch`. */
  async #append(facts: readonly Fact[], views: ReadonlyMap<Fact, SweepView> = new Map()): Promise<void> {
    try {
      await this.#writer.write(facts);
    } catch (error) {
      notWritten(this.state, facts);
      this.#writer.refused(error, facts);
      throw error;
    }
    this.#takeIn(facts, views);
  }

  /** Applies what has been written. */
  #takeIn(facts: readonly Fact[], views: ReadonlyMap<Fact, SweepView> = new Map()): void {
    for (const fact of facts) {
      if (fact.fact === 'ResultRecorded' && this.state.recorded.has(fact.record.trialId)) continue;
      this.#projection.apply(fact, this.position + 1, views.get(fact));
      if (fact.fact === 'ResultRecorded') this.#parts.recorded(fact.record);
    }
    this.changes.notify();
    // Whatever was written may have made work, or finished all of it: waiting slots are woken for both.
    for (const command of wakeWaiting(this.state)) if (command.command === 'wake') this.#parts.push(command);
  }

  /** Gives a new log the key that leases are signed with. */
  async #ensureLeaseKey(): Promise<void> {
    if (this.state.leaseKey !== null) return;
    const key = randomBytes(32).toString('hex');
    await this.#append([{ fact: 'LeaseKeyCreated', key, at: this.#parts.clock.at() }]).catch((error) => {
      // Another coordinator wrote first; its key is read by now, or the next request tries again.
      if (!(error instanceof WireError && error.code === 'conflict')) throw error;
    });
  }
}

/** Entries behind a snapshot that are read at a start within seconds, and the share of all that a snapshot is worth. */
export const SNAPSHOT_ENTRIES = 10_000;
const SNAPSHOT_SHARE = 16;

/** Whose sweep it is, and how soon it is its turn there. */
export interface Turn {
  readonly namespace?: string;
  /** null = as it was, or 0. */
  readonly priority?: number | null;
}

/** What concerns this process alone and writes nothing: done by a standby as well. */
const BOOKKEEPING: ReadonlySet<Event['event']> = new Set(['drain', 'node-disconnected']);
