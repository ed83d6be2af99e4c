import { toFailure } from '../../core/errors.js';
import { isTooLarge } from '../../core/result/too-large.js';
import { WireError } from '../../proto/errors.js';
import type { Clock } from '../clock.js';
import type { Leadership } from '../leadership.js';
import { type HealthListener, LogHealth } from '../log/health.js';
import type { Fact, Log } from '../log/log.js';
import type { Projection } from '../projection.js';

/** Called after every append with the seconds that it took. */
type Appended = (seconds: number) => void;

/**
 * Writes to the log under the term of the coordinator that leads it: behind the entries that it knows, and no
 * more once that term is over.
 */
export class LogWriter {
  readonly health: LogHealth;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #projection: Projection;
  readonly #leadership: Leadership;
  readonly #appended: Appended;
  #written = true;

  constructor(
    log: Log,
    clock: Clock,
    projection: Projection,
    leadership: Leadership,
    listener: HealthListener & { appended?: Appended },
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#projection = projection;
    this.#leadership = leadership;
    this.#appended = listener.appended ?? (() => {});
    this.health = new LogHealth(listener);
  }

  /** Whether nobody else wrote to the log when this coordinator last did, and it took that. */
  get written(): boolean {
    return this.#written;
  }

  /**
   * @throws FailureError of the log; WireError `conflict`, with what another coordinator wrote taken in, or
   *   `unavailable`, where this one does not lead. Then nothing was written.
   */
  async write(facts: readonly Fact[]): Promise<void> {
    const term = this.#leadership.check();
    const begun = this.#clock.now();
    try {
      const outcome = await this.#log.append(facts, this.#projection.position, term);
      this.#written = outcome.appended;
      if (!outcome.appended) {
        await this.#projection.catchUp(this.#log);
        throw new WireError('conflict', 'Another coordinator has written to this log; ask again.');
      }
    } catch (error) {
      // What a term that is over refuses says nothing about the log.
      if (term.over.aborted && error === term.over.reason) this.#leadership.check();
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
