import { pathToFileURL } from 'node:url';
import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { ModelRef } from '../core/experiment/experiment.js';
import { ownProgram } from '../process/isolation/own-program.js';
import { invalid, WireError } from '../proto/errors.js';
import type { PlanningOutcome } from './planning.js';
import type { SweepView } from './scheduler/view.js';
import { viewOf } from './sweeps.js';

/**
 * What one document may take. Documents of the largest size take about a second; the rest is for busy
 * machines.
 */
const LIMITS = { seconds: 20, heapMebibytes: 512 };

/**
 * A thread that has nothing to read is given back after this long: it takes 50 MB, and half a second to
 * start.
 */
const IDLE_SECONDS = 5;

/** What the thread is asked. */
export interface SweepQuestion {
  readonly document: string;
  readonly models: readonly ModelRef[];
}

interface Waiting extends SweepQuestion {
  readonly resolve: (answer: PlanningOutcome) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads the sweep files that people submit in a thread of its own, one after the other, so that a large or a
 * hostile one costs the agents' heartbeats nothing. A document that takes too long, or too much memory, ends
 * its thread; the next one gets another.
 */
export class SweepReader {
  readonly #limits: typeof LIMITS;
  readonly #waiting: Waiting[] = [];
  #current: Waiting | null = null;
  #worker: Worker | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: Partial<typeof LIMITS> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** @throws WireError `invalid` with the errors of the file in its details, or with the limit it is over. */
  async read(document: string, models: readonly ModelRef[]): Promise<SweepView> {
    const answer = await new Promise<PlanningOutcome>((resolve, reject) => {
      this.#waiting.push({ document, models, resolve, reject });
      this.#next();
    });
    if (!answer.ok) throw invalid(answer.sentence, answer.details);
    return viewOf(answer.planned);
  }

  /** Ends the thread; what waits is refused. */
  async close(): Promise<void> {
    const open = [...(this.#current === null ? [] : [this.#current]), ...this.#waiting.splice(0)];
    this.#current = null;
    for (const { reject } of open) reject(new WireError('unavailable', 'The coordinator is stopping.'));
    await this.#end();
  }

  #next(): void {
    if (this.#current !== null) return;
    const next = this.#waiting.shift();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (next === undefined) {
      this.#worker?.unref();
      this.#timer = setTimeout(() => void this.#end(), IDLE_SECONDS * 1000).unref();
      return;
    }
    this.#current = next;
    const { seconds } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#fail(`The sweep takes more than ${seconds} s to read: split it, or write ranges.`);
    }, seconds * 1000);
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage({ document: next.document, models: next.models } satisfies SweepQuestion);
  }

  #start(): Worker {
    const worker = threadOf({ maxOldGenerationSizeMb: this.#limits.heapMebibytes });
    worker.on('message', (answer: PlanningOutcome) => {
      if (worker === this.#worker) this.#answer((waiting) => waiting.resolve(answer));
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (worker !== this.#worker) return;
      const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const limit = `more than ${this.#limits.heapMebibytes} MiB of memory`;
      this.#fail(
        memory
          ? `The sweep takes ${limit} to read: split it, or write ranges.`
          : `The sweep could not be read: ${error.message}`,
      );
    });
    return worker;
  }

  /** The document is refused, and its thread ended: it may be busy with it for long. */
  #fail(sentence: string): void {
    void this.#end();
    this.#answer((waiting) => waiting.reject(invalid(sentence)));
  }

  #answer(tell: (waiting: Waiting) => void): void {
    const waiting = this.#current;
    this.#current = null;
    if (waiting !== null) tell(waiting);
    this.#next();
  }

  async #end(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

/** Where nothing is built the loader for TypeScript has to be registered in the thread itself. */
function threadOf(resourceLimits: ResourceLimits): Worker {
  const { loader, path } = ownProgram('coordinator/sweep-thread');
  if (loader.length === 0) return new Worker(path, { execArgv: [], resourceLimits });
  const register = import.meta.resolve('tsx/esm/api');
  const program = `import('${register}').then(({ register }) => { register(); return import('${pathToFileURL(path).href}'); })`;
  return new Worker(program, { eval: true, execArgv: [], resourceLimits });
}
