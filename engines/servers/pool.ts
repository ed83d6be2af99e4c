import { createHash } from 'node:crypto';
import { FailureError, failure } from '../../core/errors.js';
import { taskOf } from '../../process/isolation/job.js';
import { type Launched, launch } from '../../process/isolation/launch.js';
import { isReady } from './ask.js';
import { SERVE, type ServeEnd, type ServeRequest, type Serving } from './job.js';

/** What a trial wants to be served, and within which bounds. */
export interface Wanted {
  readonly request: ServeRequest;
  /** A server is not kept beyond it: the starts of a point are to be processes of their own. */
  readonly block: string;
  readonly cpus: readonly number[];
  readonly memoryLimitBytes: number | null;
  readonly cgroupFolder: string | null;
}

/** A server that a trial may use until it gives it back. */
export interface Served extends Serving {
  /** It was running already, for a trial that asked for the same. */
  readonly kept: boolean;
  /** Rejects with a FailureError when the server ends; never resolves. */
  readonly died: Promise<never>;
}

type OnStart = (launched: Pick<Launched<unknown>, 'stop' | 'kill'>) => void;

interface Running {
  readonly key: string;
  readonly launched: Launched<ServeEnd>;
  readonly serving: Serving;
  readonly died: Promise<never>;
  idle: NodeJS.Timeout | null;
}

/** How long nobody has to want a server before its memory is given back. */
const IDLE_SECONDS = 60;

/**
 * The servers that this node keeps, at most one on each device. A server stays between trials that need the
 * same command, so that points which differ only in their load do not pay for its start. It is stopped for
 * the first trial that needs the device for anything else.
 */
export class ServerPool {
  readonly #running = new Map<string, Running>();
  readonly #idleSeconds: number;

  constructor(idleSeconds = IDLE_SECONDS) {
    this.#idleSeconds = idleSeconds;
  }

  /**
   * Starts the server that is wanted on a device, or gives the one that runs.
   * @param onStart tells whoever may stop the trial what is being started.
   * @throws FailureError of whatever kept it from answering, with its last lines.
   */
  async take(deviceId: string, wanted: Wanted, onStart: OnStart): Promise<Served> {
    const key = keyOf(wanted);
    const running = this.#running.get(deviceId);
    if (running?.key === key) {
      hold(running);
      // The trial before may have brought it down without ending it.
      if (await answers(running, wanted)) return { ...running.serving, kept: true, died: running.died };
    }
    await this.free(deviceId);
    const started = await start(key, wanted, onStart);
    this.#running.set(deviceId, started);
    started.died.catch(() => {
      if (this.#running.get(deviceId) === started) this.#running.delete(deviceId);
    });
    return { ...started.serving, kept: false, died: started.died };
  }

  /** A trial has ended: its server stays for a while. */
  giveBack(deviceId: string): void {
    const running = this.#running.get(deviceId);
    if (running === undefined) return;
    hold(running);
    running.idle = setTimeout(() => void this.free(deviceId), this.#idleSeconds * 1000);
    running.idle.unref();
  }

  /** Stops what runs on a device; resolves when it has gone. */
  async free(deviceId: string): Promise<void> {
    const running = this.#running.get(deviceId);
    if (running === undefined) return;
    this.#running.delete(deviceId);
    hold(running);
    running.launched.stop('another point needs the device');
    await running.launched.ended;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((deviceId) => this.free(deviceId)));
  }
}

async function answers({ serving: { url } }: Running, { request }: Wanted): Promise<boolean> {
  return await isReady({ url, apiKey: request.apiKey }, request.profile.readiness.path);
}

function hold(running: Running): void {
  if (running.idle !== null) clearTimeout(running.idle);
  running.idle = null;
}

async function start(key: string, wanted: Wanted, onStart: OnStart): Promise<Running> {
  const { request, cpus, memoryLimitBytes, cgroupFolder } = wanted;
  let ready: (serving: Serving) => void = () => {};
  const serving = new Promise<Serving>((resolve) => {
    ready = resolve;
  });
  const launched = launch({
    task: taskOf(SERVE, request),
    cpus,
    timeLimitSeconds: null,
    memoryLimitBytes,
    cgroupFolder,
    // The keeper stops the server itself and needs its time for it.
    graceSeconds: request.profile.shutdown.seconds + 1,
    onMessage(message) {
      if (message.type !== 'serving') return;
      const { type: _type, ...facts } = message;
      ready(facts);
    },
  });
  onStart(launched);
  const died = launched.ended.then(({ failure: why }): never => {
    // It ends in an answer when it was told to.
    throw new FailureError(why ?? failure('cancelled', `the server ${request.name} was stopped`));
  });
  died.catch(() => {});
  return { key, launched, serving: await Promise.race([serving, died]), died, idle: null };
}

/** Everything that makes a server another one. */
function keyOf({ request, block, cpus, memoryLimitBytes }: Wanted): string {
  const all = JSON.stringify([request, block, cpus, memoryLimitBytes]);
  return createHash('sha256').update(all).digest('hex');
}
