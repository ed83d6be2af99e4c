import { randomBytes } from 'node:crypto';
import type { Failure } from '../../core/errors.js';
import type { ResultRecord } from '../../core/result/result.js';
import { WireError } from '../../proto/errors.js';
import type { Clock } from '../clock.js';
import type { Leadership } from '../leadership.js';
import { ChangeSignal } from '../log/change-signal.js';
import type { LogHealth } from '../log/health.js';
import type { Fact, Log, ResultHead } from '../log/log.js';
import type { Projection } from '../projection.js';
import type { Command } from '../scheduler/commands.js';
import { notWritten, withdrawGrants } from '../scheduler/step.js';
import type { SweepView } from '../scheduler/view.js';
import { wakeWaiting } from '../scheduler/waking.js';
import { LogWriter } from './writer.js';

/** A command for a node's stream rather than for whoever caused the event. */
export type Push = Extract<Command, { command: 'stop-trial' | 'wake' | 'drain-node' | 'pause-node' }>;
/** An answer for whoever caused the event. */
export type Reply = Extract<
  Command,
  {
    command: 'grant' | 'no-work' | 'acknowledge' | 'refuse' | 'unknown-trials' | 'not-paused' | 'not-deleted';
  }
>;

/** Where facts are written, and who is told. */
export interface WriteBehindDependencies {
  readonly log: Log;
  readonly clock: Clock;
  readonly push: (command: Push) => void;
  /** Called for every new result, after it is in the log. */
  readonly recorded: (record: ResultRecord) => void;
  /** Called for every sound result that another coordinator wrote while this one stood by, with its entry. */
  readonly followed?: (head: ResultHead, position: number) => void;
  /** Called after every append with the seconds that it took. */
  readonly appended?: (seconds: number) => void;
  /**
   * The log refused to be written: what was asked is undone, and so will be all that follows. Called once
   * when that begins.
   */
  readonly logFailed?: (reason: Failure) => void;
  /** The log takes again what it refused, after so many seconds and appends. */
  readonly logRecovered?: (seconds: number, refused: number) => void;
}

/** Sweeps that are submitted, already read. */
type Views = ReadonlyMap<Fact, SweepView>;

/**
 * Writes behind the scheduler what it has decided: its facts go into the log, are applied to the state, and
 * only then is let out what follows from them. So nothing is acknowledged before the log has it. It decides
 * nothing itself.
 */
export class WriteBehind {
  readonly projection: Projection;
  /** Wakes watchers at every change. */
  readonly changes = new ChangeSignal();
  readonly #parts: WriteBehindDependencies;
  readonly #writer: LogWriter;
  #turns: Promise<unknown> = Promise.resolve();

  constructor(parts: WriteBehindDependencies, projection: Projection, leadership: Leadership) {
    this.#parts = parts;
    this.projection = projection;
    this.#writer = new LogWriter(parts.log, parts.clock, projection, leadership, {
      ...(parts.appended && { appended: parts.appended }),
      ...(parts.logFailed && { failed: parts.logFailed }),
      ...(parts.logRecovered && { recovered: parts.logRecovered }),
    });
  }

  get logHealth(): LogHealth {
    return this.#writer.health;
  }

  /** Whether the log took what was last written. */
  get written(): boolean {
    return this.#writer.written;
  }

  /** Does a task when those before it are done: what decides by the state and writes goes on alone. */
  oneAtATime<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turns.then(task);
    this.#turns = result.catch(() => undefined);
    return result;
  }

  /** Carries out commands in their order. @returns answers for whoever caused them. @throws as `append`. */
  async carryOut(commands: readonly Command[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (const command of commands) {
      switch (command.command) {
        case 'append':
          await this.append(command.facts).catch((error: unknown) => {
            withdrawGrants(this.projection.state, commands);
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

  /**
   * Writes facts and applies them. What was decided about facts that are not written is undone.
   * @throws FailureError of the log; WireError `conflict`, or `unavailable` where this coordinator does not
   *   lead.
   */
  async append(facts: readonly Fact[], views: Views = new Map()): Promise<void> {
    try {
      await this.#writer.write(facts);
    } catch (error) {
      notWritten(this.projection.state, facts);
      this.#writer.refused(error, facts);
      throw error;
    }
    this.#takeIn(facts, views);
  }

  /**
   * Writes facts and applies them. Nothing is undone where they are not written: they are tried again.
   * @throws as `append`.
   */
  async try(facts: readonly Fact[]): Promise<void> {
    await this.#writer.write(facts);
    this.#takeIn(facts);
  }

  /** Applies what has been written. */
  #takeIn(facts: readonly Fact[], views: Views = new Map()): void {
    const { projection } = this;
    for (const fact of facts) {
      if (fact.fact === 'ResultRecorded' && projection.state.recorded.has(fact.record.trialId)) continue;
      projection.apply(fact, projection.position + 1, views.get(fact));
      if (fact.fact === 'ResultRecorded') this.#parts.recorded(fact.record);
    }
    this.changes.notify();
    // Whatever was written may have made work, or finished all of it: waiting slots are woken for both.
    for (const command of wakeWaiting(projection.state))
      if (command.command === 'wake') this.#parts.push(command);
  }

  /** Takes in what the coordinator that leads has written, so that readers here are notified as well. */
  async follow(): Promise<void> {
    const { position } = this.projection;
    await this.projection.catchUp(this.#parts.log, this.#parts.followed);
    if (this.projection.position > position) this.changes.notify();
  }

  /** Gives a new log the key that leases are signed with. */
  async ensureLeaseKey(): Promise<void> {
    if (this.projection.state.leaseKey !== null) return;
    const key = randomBytes(32).toString('hex');
    await this.append([{ fact: 'LeaseKeyCreated', key, at: this.#parts.clock.isoTime() }]).catch((error) => {
      // Another coordinator wrote first; its key is read by now, or the next request tries again.
      if (!(error instanceof WireError && error.code === 'conflict')) throw error;
    });
  }

  /**
   * Tries a log that took nothing, where it has not been tried a moment ago.
   * @param leads whether it is for this coordinator to try.
   */
  async tryLog(leads: boolean): Promise<void> {
    const bytes = leads ? this.#writer.due : null;
    if (bytes !== null) await this.oneAtATime(() => this.#writer.probe(bytes));
  }
}
