import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { failed, toFailure } from '../../../core/errors.js';
import { fileProblem } from '../../../core/input/file-problem.js';
import type { Family, Labels } from '../../../core/metrics/families.js';
import { post } from '../../../proto/http/post.js';
import { ProxyRefusal } from '../../../proto/http/proxy.js';
import type { GenAiHistogram } from './gen-ai.js';
import { metricsRequest } from './otlp.js';

export interface PushSettings {
  /** Where to; a user and a password in it become a header. */
  readonly url: string;
  readonly intervalSeconds: number;
  /** Holds a bearer token; null = none. */
  readonly tokenFile: string | null;
}

/** What is pushed, at one moment. */
export interface Pushed {
  readonly families: readonly Family[];
  readonly genAi: readonly GenAiHistogram[];
  /** What a scrape would know its target by: `job` and `instance`. */
  readonly target: Labels;
  /** Milliseconds since 1970; `since` is when counting began. */
  readonly now: number;
  readonly since: number;
}

/** Gives what is exported now. */
type Take = () => Promise<Pick<Pushed, 'families' | 'genAi'>>;

/** A receiver that takes longer is as good as away. */
const PATIENCE_SECONDS = 10;
/** The last push has nobody after it who would make up for it. */
const LAST_TRIES = 3;

/**
 * Pushes what is exported to where nobody scrapes, by OTLP: at an interval, and once more when it ends. A
 * push that fails is reported once and made up for by the next one, which has every value again.
 */
export class Pusher {
  readonly #settings: PushSettings;
  #take: Take | null = null;
  readonly #target: Labels;
  readonly #warn: (sentence: string) => void;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #url: string;
  readonly #since = Date.now();
  #timer: NodeJS.Timeout | null = null;
  #pushing: Promise<boolean> | null = null;
  #trouble: string | null = null;

  /** @throws FailureError when the URL is none or the token cannot be read. */
  constructor(settings: PushSettings, target: Labels, warn: (sentence: string) => void) {
    this.#settings = settings;
    this.#target = target;
    this.#warn = warn;
    const { url, headers } = destination(settings);
    this.#url = url;
    this.#headers = { 'content-type': 'application/json', ...headers };
  }

  start(take: Take): void {
    this.#take = take;
    this.#timer = setInterval(() => void this.push(), this.#settings.intervalSeconds * 1000);
  }

  /**
   * Pushes once more and ends, unless it never began. Never throws: what is exported is a view, and the
   * results are safe without it.
   */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#pushing;
    if (this.#take === null) return;
    for (let left = LAST_TRIES; left > 0; left -= 1) {
      if (await this.push()) return;
      if (left > 1) await sleep(500);
    }
  }

  /** @returns whether it arrived. */
  push(): Promise<boolean> {
    this.#pushing ??= this.#send().finally(() => {
      this.#pushing = null;
    });
    return this.#pushing;
  }

  async #send(): Promise<boolean> {
    if (this.#take === null) return false;
    try {
      const pushed = { ...(await this.#take()), target: this.#target, now: Date.now(), since: this.#since };
      const encoded = new TextEncoder().encode(JSON.stringify(metricsRequest(pushed)));
      const { status, text, via } = await post(new URL(this.#url), this.#headers, encoded, PATIENCE_SECONDS);
      const body = text.trim().split('\n')[0]?.slice(0, 200) ?? '';
      const who = via === null ? 'it answers' : `the answer through the proxy ${via} is`;
      if (status < 200 || status >= 300)
        return this.#failed(`${who} ${status}${body === '' ? '' : `: ${body}`}`);
      this.#trouble = null;
      return true;
    } catch (error) {
      const { message, cause, code } = error as Error & { code?: unknown };
      const why = cause instanceof Error && cause.message !== '' ? cause.message : message;
      const { hint } = error instanceof ProxyRefusal ? error : toFailure(error);
      // Both addresses of a name that nobody listens at come as one error without a message.
      return this.#failed(`${why === '' ? String(code) : why}${hint === null ? '' : `. ${hint}`}`);
    }
  }

  #failed(reason: string): false {
    if (reason !== this.#trouble) this.#warn(`metrics could not be pushed to ${this.#url}: ${reason}`);
    this.#trouble = reason;
    return false;
  }
}

function destination({ url, tokenFile }: PushSettings): { url: string; headers: Record<string, string> } {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    const hint = 'Write http://host:port/path or https://….';
    throw failed('internal', `Metrics cannot be pushed to "${url}": it is no URL.`, hint);
  }
  const { username, password } = parsed;
  parsed.username = '';
  parsed.password = '';
  if (tokenFile !== null)
    return { url: parsed.href, headers: { authorization: `Bearer ${token(tokenFile)}` } };
  if (username === '') return { url: parsed.href, headers: {} };
  const pair = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { url: parsed.href, headers: { authorization: `Basic ${pair.toString('base64')}` } };
}

function token(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw failed(
      'internal',
      `The token for pushing metrics, ${path}, cannot be read: ${fileProblem(error)}.`,
      'Check the path and who may read it.',
    );
  }
}
