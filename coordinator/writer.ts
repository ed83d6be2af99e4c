import { type Failure, toFailure } from '../core/errors.js';
import { isTooLarge } from '../core/result/too-large.js';
import { WireError } from '../proto/errors.js';
import type { Clock } from './clock.js';
import { type HealthListener, LogHealth } from './log/health.js';
import type { Fact, Log } from './log/log.js';
import type { Projection } from './projection.js';

/** Called after every append with the seconds that it took. */
type Appended = (seconds: number) => void;

/** Writes to the log as the one coordinator that leads it: behind the entries that it knows, and no more once another has claimed it. */
export class LogWriter {
  readonly health: LogHealth;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #projection: Projection;
  readonly #appended: Appended;
  #written = true;

  constructor(
    log: Log,
    clock: Clock,
    projection: Projection,
    listener: HealthListener & { appended?: Appended },
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#projection = projection;
    this.#appended = listener.appended ?? (() => {});
    this.health = new LogHealth(listener);
  }

  /** Claims the log. One that is full takes that later. @throws FailureError of the log. */
  async claim(warn: (sentence: string) => void): Promise<void> {
    await this.#log.claim().catch((error: unknown) => {
      if (toFailure(error).code !== 'disk-full') throw error;
      warn(toFailure(error).message);
    });
  }

  /** Whether nobody else wrote to the log when this coordinator last did, and it took that. */
  get leads(): boolean {
    return this.#written && this.deposedBy === null;
  }

  /** Why it writes no more: another coordinator has claimed the log. */
  get deposedBy(): Failure | null {
    const { deposed } = this.#log;
    return deposed.aborted ? toFailure(deposed.reason) : null;
  }

  /** @throws WireError `unavailable`, for who has to ask the coordinator that leads. */
  checkLeads(): void {
    const reason = this.deposedBy;
    if (reason !== null) throw new WireError('unavailable', reason.message, [reason.hint ?? '']);
  }

  /** @throws FailureError of the log; WireError `conflict`, with what another coordinator wrote taken in. Then nothing was written. */
  async write(facts: readonly Fact[]): Promise<void> {
    const begun = this.#clock.now();
    try {
      const outcome = await this.#log.append(facts, this.#projection.position);
      this.#written = outcome.appended;
      if (!outcome.appended) {
        await this.#projection.catchUp(this.#log);
        throw new WireError('conflict', 'Another coordinator has written to this log; ask again.');
      }
    } catch (error) {
      if (!isTooLarge(error)) this.#written = false;
      throw error;
    }
    this.#appended(this.#clock.now() - begun);
    this.health.took(facts, this.#clock.now());
  }

  /** Notes that facts could not be written, by an error of `write`. */
  refused(error: unknown, facts: readonly Fact[]): void {
    if (!(error instanceof WireError)) this.health.refused(toFailure(error), facts, this.#clock.now());
  }

  /** Bytes to try the log with now; null while it takes what is written, or was tried a moment ago. */
  get due(): number | null {
    return this.health.due(this.#clock.now());
  }

  /** Tries a log that took nothing. */
  async probe(bytes: number): Promise<void> {
    const failure = await this.#log.probe(bytes).then(() => null, toFailure);
    this.health.tried(failure, this.#clock.now());
    if (failure === null) this.#written = true;
  }
}
