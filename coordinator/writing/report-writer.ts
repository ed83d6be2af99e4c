import { isTooLarge, tooLargeRecord } from '../../core/result/too-large.js';
import { answeredAgain } from '../../judgement/answered-again.js';
import { WireError } from '../../proto/errors.js';
import type { Log } from '../log/log.js';
import type { Command } from '../scheduler/commands.js';
import { keptAnswersOf } from '../scheduler/stale.js';
import { queueKey, queueOf, type SchedulerState } from '../scheduler/state.js';
import { step } from '../scheduler/step.js';
import { type ReportedEvent, type WaitingReport, WaitingReports } from './waiting-reports.js';
import type { Reply, WriteBehind } from './write-behind.js';

/**
 * Takes in what agents report. Reports that come in one turn of the event loop are written in one append, and
 * each is answered after it is in the log.
 */
export class ReportWriter {
  readonly #log: Log;
  readonly #behind: WriteBehind;
  readonly #reports = new WaitingReports<Reply[]>();
  /** Reports on their way into the log whose trials are leased no more. */
  readonly #late = new Set<Promise<unknown>>();

  constructor(log: Log, behind: WriteBehind) {
    this.#log = log;
    this.#behind = behind;
  }

  get #state(): SchedulerState {
    return this.#behind.projection.state;
  }

  /**
   * Resolves when late reports are in the log: their points stand in the queue, and nothing may be given away
   * before. Null without any.
   */
  get lateWritten(): Promise<unknown> | null {
    return this.#late.size > 0 ? Promise.allSettled(this.#late) : null;
  }

  /**
   * @param bytes of the record's JSON: what is written together has a limit.
   * @throws FailureError of the log, WireError `conflict`; then nothing of the report has been done.
   */
  async report(reported: ReportedEvent, bytes: number): Promise<Reply[]> {
    const event = reported.record.sweep.purpose === 'quality' ? await this.#withAnswers(reported) : reported;
    const written = new Promise<Reply[]>((resolve, reject) => {
      this.#reports.add({ event, bytes, resolve, reject });
      if (this.#reports.waiting === 1) this.#writeSoon();
    });
    if (this.#state.leases.has(event.record.trialId)) return written;
    this.#late.add(written);
    return written.finally(() => this.#late.delete(written));
  }

  /** Puts new answers into the record that they were asked for: its timed numbers stay. */
  async #withAnswers(event: ReportedEvent): Promise<ReportedEvent> {
    const { supersedes, sweep: about, node } = event.record;
    const known = this.#state.sweeps.get(about.id);
    const kept =
      known && keptAnswersOf(this.#state, queueOf(known, queueKey(known, node.name)), about.position);
    // Only into the record of the trial that its point shows.
    const position =
      kept?.trialId === supersedes ? this.#behind.projection.entryOf(supersedes ?? '') : undefined;
    if (position === undefined) return event;
    const { fact } = await this.#log.get(position, 'full');
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

  #writeSoon(): void {
    setImmediate(() => {
      void this.#behind.oneAtATime(async () => {
        await this.#write(this.#reports.take());
        if (this.#reports.waiting > 0) this.#writeSoon();
      });
    });
  }

  /**
   * Answers every report, each after it is in the log. Where they cannot be written together, each is tried
   * alone.
   */
  async #write(reports: readonly WaitingReport<Reply[]>[]): Promise<void> {
    const decided: { report: WaitingReport<Reply[]>; commands: Command[] }[] = [];
    for (const report of reports) {
      try {
        decided.push({ report, commands: step(this.#state, report.event) });
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
        await this.#behind.try(facts);
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
      await this.#behind
        .carryOut(left)
        .catch((error) => this.#withoutSize(report.event, error))
        .then(report.resolve, report.reject);
    }
  }

  /**
   * A record that the log refuses for its size: its trial has failed by that, and its agent is asked to keep
   * the record.
   * @throws the error where it is another.
   */
  async #withoutSize(event: ReportedEvent, error: unknown): Promise<Reply[]> {
    if (!isTooLarge(error)) throw error;
    const record = tooLargeRecord(event.record, error.message);
    const replies = await this.#behind.carryOut(step(this.#state, { ...event, record, json: null }));
    const { trialId } = record;
    return replies.map((reply) =>
      reply.command === 'acknowledge' ? { command: 'refuse', trialId, reason: error.message } : reply,
    );
  }
}
