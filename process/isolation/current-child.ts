import { failed } from '../../core/errors.js';
import type { ChildMessage } from './job.js';
import { type Launched, type LaunchRequest, launch } from './launch.js';

/** The one child a trial has at any moment, so that stopping the trial reaches whichever it is. */
export class CurrentChild {
  #launched: Pick<Launched<unknown>, 'stop' | 'kill'> | null = null;
  #reason: string | null = null;
  readonly #onLaunch: (what: string) => void;

  /** @param onLaunch hears what each child is for: `the quantization`. */
  constructor(onLaunch: (what: string) => void = () => {}) {
    this.#onLaunch = onLaunch;
  }

  /**
   * A property, so that it can be handed on as a `Launcher`.
   * @throws FailureError `cancelled` when the trial was stopped before this child was needed.
   */
  readonly launch = <Answer, Report extends ChildMessage = never>(
    request: LaunchRequest<Answer, Report>,
  ): Launched<Answer> => {
    if (this.#reason !== null) throw failed('cancelled', `the trial was stopped: ${this.#reason}`);
    this.#onLaunch(request.task.what);
    const launched = launch(request);
    this.#launched = launched;
    return launched;
  };

  /**
   * The trial waits for a child that another trial started. Stopping the trial stops that child, until the
   * trial has one of its own.
   */
  watch(launched: Pick<Launched<unknown>, 'stop' | 'kill'>): void {
    this.#launched = launched;
    if (this.#reason !== null) launched.stop(this.#reason);
  }

  stop(reason: string): void {
    this.#reason ??= reason;
    this.#launched?.stop(reason);
  }

  kill(reason: string): void {
    this.#reason ??= reason;
    this.#launched?.kill(reason);
  }
}
