import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionRequest, SessionResponse } from '../proto/gen/ridgepoint/v1/agents.js';
import { MOST_TOGETHER, oneRequest } from '../proto/several.js';
import type { Duplex } from '../proto/stream.js';

/** Of one message that has several in it, about: a coordinator appends so much to its log at a time. */
const MOST_BYTES = 1024 * 1024;

/** What an agent says on one stream: what is said in one turn of the event loop goes out together. */
export class Outbox {
  readonly #stream: Duplex<SessionRequest, SessionResponse>;
  readonly #waiting: SessionRequest[] = [];
  /** Resolves when all that was said has gone out. */
  #sending: Promise<unknown> = Promise.resolve();

  constructor(stream: Duplex<SessionRequest, SessionResponse>) {
    this.#stream = stream;
  }

  /** Resolves when the transport has taken it; rejects with WireError when the stream is over. */
  async say(request: SessionRequest): Promise<void> {
    if (this.#waiting.push(request) === 1)
      this.#sending = Promise.all([this.#sending, nextTurn()]).then(() => this.#flush());
    await this.#sending;
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    while (waiting.length > 0) {
      let bytes = 0;
      let count = 0;
      for (const { message } of waiting) {
        bytes += message?.$case === 'result' ? message.value.recordJson.length : 0;
        if (count > 0 && (count === MOST_TOGETHER || bytes > MOST_BYTES)) break;
        count += 1;
      }
      await this.#stream.send(oneRequest(waiting.splice(0, count)));
    }
  }
}
