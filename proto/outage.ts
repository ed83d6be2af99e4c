import { WireError } from './errors.js';

/** How long a coordinator waits for its log, and a tool for a coordinator, unless they are told otherwise. */
export const OUTAGE_SECONDS = 300;

/** How long a coordinator that cannot answer now is waited for, and who hears of it. */
export interface Patience {
  /** 0 = it is not waited for. */
  readonly seconds: number;
  /** Told in one sentence what is waited for, each time that is something else. */
  readonly say: (sentence: string) => void;
}

/** Of programs that ask again by themselves, later. */
export const SHORT_PATIENCE: Patience = { seconds: 30, say: () => {} };

/** When nothing has come for this long, the coordinators are asked why. */
const SILENT_SECONDS = 3;
/** How long they may take to say why. Then whoever waits is told that there is no answer yet. */
const ANSWER_SECONDS = 1;
/** A reason is told after it has stood for this long: often another one follows at once. */
const SETTLED_MILLISECONDS = 500;

/** What keeps the coordinators of a connection from answering, for all that is asked over it. */
export class Outages {
  readonly #at: string;
  readonly #patience: Patience;
  readonly #listen: () => void;
  readonly #open = new Set<Waiting>();
  /** What the coordinators say keeps them from answering; null = nothing. */
  #trouble: string | null = null;
  /** Whether a coordinator has ever answered. */
  #heard = false;
  /** What was said last of an outage that lasts. */
  #said: string | null = null;
  #saying: NodeJS.Timeout | undefined;

  /**
   * @param at whom is asked, for people.
   * @param listen begins to ask the coordinators what keeps them; calling it again changes nothing.
   */
  constructor(at: string, patience: Patience, listen: () => void) {
    this.#at = at;
    this.#patience = patience;
    this.#listen = listen;
  }

  /** Something is asked. @param given ends the wait. @param answers whether an answer is expected soon. */
  wait(given: AbortSignal, answers: boolean): Waiting {
    const waiting = new Waiting(given, this.#patience.seconds, {
      troubled: (reason) => this.#say(reason),
      relieved: () => this.#endOutage(),
      silent: (isTold) => this.#silent(answers && !isTold),
      ended: () => this.#end(waiting),
    });
    this.#open.add(waiting);
    if (this.#trouble !== null) waiting.trouble(troubleError(this.#trouble));
    return waiting;
  }

  /** A coordinator has answered. */
  noteAnswer(): void {
    this.#heard = true;
  }

  /** What the coordinators say of themselves: why they cannot do what is asked; null = they can. */
  noteTrouble(sentence: string | null): void {
    this.#heard = true;
    if (sentence === this.#trouble) return;
    this.#trouble = sentence;
    for (const waiting of this.#open) {
      if (sentence === null) waiting.relieve();
      else waiting.trouble(troubleError(sentence));
    }
  }

  /**
   * @returns whether the same may succeed in a moment: a coordinator says so, or one that answered before is
   *   away.
   */
  passes(error: unknown): error is WireError {
    return error instanceof WireError && (error.passes || (error.isAway && this.#heard));
  }

  #silent(isNews: boolean): void {
    // Nobody would be told.
    if (this.#patience === SHORT_PATIENCE) return;
    this.#listen();
    if (!isNews) return;
    setTimeout(() => {
      if (this.#said === null && this.#trouble === null && this.#open.size > 0)
        this.#tell('it has not answered yet');
    }, 1000 * ANSWER_SECONDS).unref();
  }

  #say({ isAway, message }: WireError): void {
    const reason = isAway ? 'no coordinator answers there' : message;
    clearTimeout(this.#saying);
    if (reason === this.#said || this.#patience.seconds === 0) return;
    this.#saying = setTimeout(() => this.#tell(reason), SETTLED_MILLISECONDS);
  }

  #tell(reason: string): void {
    const { seconds, say } = this.#patience;
    this.#said = reason;
    say(`waiting for the coordinator at ${this.#at}, ${seconds} s at most: ${reason}`);
  }

  #endOutage(): void {
    clearTimeout(this.#saying);
    if (this.#said !== null) this.#patience.say('the coordinator answers again');
    this.#said = null;
  }

  #end(waiting: Waiting): void {
    this.#open.delete(waiting);
    if (this.#open.size === 0) clearTimeout(this.#saying);
  }
}

function troubleError(sentence: string): WireError {
  return new WireError('unavailable', sentence, [], { passes: true });
}

interface WaitingListener {
  troubled(reason: WireError): void;
  relieved(): void;
  /** @param isTold whether there is trouble that was told. */
  silent(isTold: boolean): void;
  ended(): void;
}

/** One call, or one stream, that may have to wait. */
export class Waiting {
  /** Aborts when whoever asked does not want it any more, or patience is over. */
  readonly signal: AbortSignal;
  readonly #given: AbortSignal;
  readonly #seconds: number;
  readonly #listener: WaitingListener;
  readonly #spent = new AbortController();
  #reason: WireError | null = null;
  #ending: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(given: AbortSignal, seconds: number, listener: WaitingListener) {
    this.#given = given;
    this.#seconds = seconds;
    this.#listener = listener;
    this.signal = AbortSignal.any([given, this.#spent.signal]);
    this.#listenLater();
  }

  get isTroubled(): boolean {
    return this.#reason !== null;
  }

  /** It cannot be answered now; the first time that begins the end of patience. */
  trouble(reason: WireError): void {
    this.#reason = reason;
    if (this.#seconds === 0) this.#spent.abort();
    else this.#ending ??= setTimeout(() => this.#spent.abort(), 1000 * this.#seconds);
    this.#listener.troubled(reason);
  }

  /** The coordinators say that they can answer, or have done so. */
  relieve(): void {
    clearTimeout(this.#ending);
    this.#ending = undefined;
    if (this.#reason !== null) this.#listener.relieved();
    this.#reason = null;
  }

  /** Something came. */
  answered(): void {
    this.relieve();
    this.#listenLater();
  }

  /** Lets some time pass before the next try. @throws WireError as `check` */
  async pause(milliseconds: number): Promise<void> {
    const { signal } = this;
    if (!signal.aborted) {
      await new Promise<void>((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', finish);
          resolve();
        };
        const timer = setTimeout(finish, milliseconds);
        signal.addEventListener('abort', finish);
      });
    }
    this.check();
  }

  /** @throws WireError with the newest reason, when patience is over */
  check(): void {
    if (this.#given.aborted || !this.#spent.signal.aborted) return;
    throw this.#reason ?? new WireError('unavailable', 'It was waited for in vain.');
  }

  end(): void {
    clearTimeout(this.#ending);
    clearTimeout(this.#silence);
    this.#listener.ended();
  }

  #listenLater(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#listener.silent(this.isTroubled), 1000 * SILENT_SECONDS);
  }
}
