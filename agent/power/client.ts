import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { failed } from '../../core/errors.js';
import { orElse } from '../../core/or-else.js';
import { settingError } from './control.js';
import { lines } from './lines.js';
import { type Answer, answerSchema, greetingSchema, PROTOCOL, type Request } from './protocol.js';

type Done = Extract<Answer, { ok: true }>;

const ANSWER_SECONDS = 10;
const AGAIN_SECONDS = 0.2;
/** An answer lists the CPUs of controls. */
const MAX_ANSWER_BYTES = 1_000_000;

/** An agent's connection to the power helper of its machine. What it sets lasts as long as it is open. */
export class PowerConnection {
  readonly #socket: Socket;
  readonly #waiting: ((line: string | null) => void)[] = [];
  readonly #early: string[] = [];
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    lines(socket, MAX_ANSWER_BYTES, (line) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#early.push(line);
      else next(line);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      for (const next of this.#waiting.splice(0)) next(null);
    });
  }

  /**
   * @param patienceSeconds how long a helper that is not there may take to come: it is restarted when it
   *   dies.
   * @throws FailureError `setting-failed` when none answers.
   */
  static async open(path: string, patienceSeconds: number): Promise<PowerConnection> {
    const until = performance.now() + patienceSeconds * 1000;
    for (;;) {
      const reached = await reach(path);
      if (reached.socket !== null) {
        const connection = new PowerConnection(reached.socket);
        await connection.#greeted(path);
        return connection;
      }
      if (performance.now() >= until) {
        throw settingError(`no power helper answers at ${path} (${reached.reason})`, {
          hint: 'Start `ridge power-helper` as root there, with the group of this agent.',
        });
      }
      await sleep(AGAIN_SECONDS * 1000);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws FailureError `setting-failed` with the helper's reason, or when it went away. */
  async ask(request: Request): Promise<Done> {
    this.#socket.write(`${JSON.stringify(request)}\n`);
    const answer = parseAnswer(answerSchema, await this.#line());
    if (answer === null) throw settingError('the power helper went away, or answers what nobody understands');
    if (!answer.ok) throw failed('setting-failed', answer.reason, answer.hint);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #greeted(path: string): Promise<void> {
    const greeting = parseAnswer(greetingSchema, await this.#line());
    if (greeting?.protocol === PROTOCOL) return;
    this.close();
    const what =
      greeting === null
        ? 'is no power helper'
        : `speaks version ${greeting.protocol}, this agent ${PROTOCOL}`;
    throw settingError(`who listens at ${path} ${what}`);
  }

  async #line(): Promise<string | null> {
    const early = this.#early.shift();
    if (early !== undefined) return early;
    if (this.#closed) return null;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => this.close(), ANSWER_SECONDS * 1000);
      this.#waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  }
}

function reach(path: string): Promise<{ socket: Socket; reason: null } | { socket: null; reason: string }> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve({ socket, reason: null }));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ socket: null, reason: error.code ?? error.message }),
    );
  });
}

function parseAnswer<T>(schema: z.ZodType<T>, line: string | null): T | null {
  return orElse(() => (line === null ? null : schema.parse(JSON.parse(line))), null);
}
