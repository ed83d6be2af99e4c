import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../../core/errors.js';
import { criticalPath, type TimedCall } from '../../core/graph/critical-path.js';
import { type Parser, parseAnswer } from '../../core/graph/parsers.js';
import { type ApplicationRecord, CALL_SCHEMA, type CallRecord } from '../../core/graph/record.js';
import { type Hands, type PromptCall, runGraph, type ToolCall } from '../../core/graph/run.js';
import { GraphError, textOf, type Value } from '../../core/graph/value.js';
import { type ScorerName, score } from '../../core/quality/scorers/index.js';
import { startsOf } from '../../core/serving/arrivals.js';
import type { Arrival } from '../../core/serving/requests.js';
import type { Completion, Completions } from '../../engines/runners/opened.js';
import { boundedWork, CALL_SECONDS } from '../../formats/bounded-work.js';
import { Pacer } from '../../load/pacer.js';
import type { Item, ReadGraph } from './files.js';
import type { CallJournal } from './journal.js';
import type { Tools } from './tools.js';

interface RunOrder {
  readonly read: ReadGraph;
  readonly engine: Completions;
  readonly tools: Tools;
  readonly journal: CallJournal;
  /** How many applications; items come again when they are used up. */
  readonly applications: number;
  readonly arrival: Arrival;
  readonly seed: number;
  readonly separate: boolean;
  readonly networkDelaySeconds: number;
  readonly requestsAtOnce: number;
  /** Of nodes that say none. */
  readonly temperature: number;
  readonly maxTokens: number;
  /** Monotonic seconds. */
  readonly now: () => number;
  /** Why everything shall end; null = it shall not. */
  readonly stopReason: () => string | null;
}

/** Times of a run, monotonic. */
export interface RunTimes {
  readonly origin: number;
  readonly end: number;
}

/** Scores of numbers may be off by this. */
const TOLERANCE = 1e-6;
const ASK_MILLISECONDS = 100;

/**
 * Runs applications as an arrival says, and keeps each call as it ends. Never throws for what engine and
 * tools do.
 */
export async function runApplications(order: RunOrder): Promise<RunTimes> {
  const run = new Run(order);
  const watch = setInterval(() => {
    const reason = order.stopReason();
    if (reason !== null) run.stop(reason);
  }, ASK_MILLISECONDS);
  try {
    await run.runApplications();
  } finally {
    clearInterval(watch);
  }
  return { origin: run.origin, end: order.now() };
}

class Run {
  readonly origin: number;
  readonly #order: RunOrder;
  readonly #gate: Gate;
  readonly #stopped = new AbortController();

  constructor(order: RunOrder) {
    this.#order = order;
    this.#gate = new Gate(order.requestsAtOnce);
    this.origin = order.now();
  }

  stop(reason: string): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#order.engine.stop(`The run was stopped: ${reason}.`);
  }

  async runApplications(): Promise<void> {
    const { applications, arrival, journal } = this.#order;
    const ended = new Set(journal.ended.map(({ application }) => application));
    const left = Array.from({ length: applications }, (_, i) => i).filter((i) => !ended.has(i));
    if (arrival.kind === 'closed') await this.#closed(left, arrival.concurrency);
    else if (arrival.kind !== 'trace') await this.#scheduled(left, startsOf(arrival, this.#order.seed));
  }

  async #closed(left: readonly number[], concurrency: number): Promise<void> {
    const waiting = left.values();
    const user = async () => {
      for (const application of waiting) {
        if (this.#stopped.signal.aborted) return;
        await this.#application(application, this.#order.now());
      }
    };
    await Promise.all(Array.from({ length: concurrency }, user));
  }

  async #scheduled(left: readonly number[], starts: Iterator<number>): Promise<void> {
    const pacer = new Pacer(this.#order.now);
    const running: Promise<void>[] = [];
    for (const application of left) {
      const { value: start, done } = starts.next();
      if (done === true) break;
      const intended = this.origin + start;
      running.push(
        new Promise<void>((resolve) => pacer.schedule(intended, resolve)).then(async () => {
          if (!this.#stopped.signal.aborted) await this.#application(application, intended);
        }),
      );
    }
    this.#stopped.signal.addEventListener('abort', () => {
      // Those that wait for their time are let go, and see that all is over.
      for (const application of left) pacer.schedule(0, () => application);
    });
    await Promise.all(running);
    pacer.close();
  }

  async #application(index: number, intended: number): Promise<void> {
    const { read, journal, now } = this.#order;
    const item = read.items[index % read.items.length]!;
    const interrupted = journal.wasInterrupted(index);
    journal.begin(index);
    const one = new Application(this.#order, this.#gate, this.#stopped.signal, {
      index,
      item,
      origin: this.origin,
    });
    const start = now();
    const outcome = await one.run();
    if (this.#stopped.signal.aborted) return;
    journal.end(
      applicationRecord(
        this.#order,
        one,
        { index, item, interrupted, outcome, start, intended, end: now() },
        this.origin,
      ),
    );
  }
}

interface Ended {
  readonly index: number;
  readonly item: Item;
  readonly interrupted: boolean;
  readonly outcome: Awaited<ReturnType<Application['run']>>;
  readonly start: number;
  readonly intended: number;
  readonly end: number;
}

const INTERRUPTED =
  'its process was ended while it ran, and it went on in the next: it has no end-to-end time';

function applicationRecord(
  { read: { graph }, journal, separate, networkDelaySeconds }: RunOrder,
  { calls }: Application,
  { index, item, interrupted, outcome, start, intended, end }: Ended,
  origin: number,
): ApplicationRecord {
  const submitted = separate ? 0 : networkDelaySeconds;
  const failed = 'problem' in outcome;
  const path = failed || interrupted ? [] : criticalPath(calls, start + submitted, outcome.after);
  const reference = graph.reference === null ? undefined : item[graph.reference];
  const references = reference === undefined ? [] : [reference].flat().map((one) => textOf(one as Value));
  const answer = failed ? null : outcome.answer;
  const scores = graph.scorers.map((name): [string, number | null] => {
    if (answer === null || references.length === 0 || name.startsWith('external:')) return [name, null];
    return [name, scoreInTime(() => score(name as ScorerName, answer, references, { tolerance: TOLERANCE }))];
  });
  const secondsSinceOrigin = (seconds: number) => Math.max(0, seconds - origin);
  return {
    application: index,
    item: nameOf(item, graph.id, index),
    outcome: failed ? 'failed' : interrupted ? 'interrupted' : 'complete',
    reason: failed ? outcome.problem : interrupted ? INTERRUPTED : null,
    intended: secondsSinceOrigin(intended),
    start: secondsSinceOrigin(start),
    end: secondsSinceOrigin(end),
    sitting: journal.sitting,
    answer,
    calls: calls.length,
    pathCalls: path.length,
    pathSeconds: path.length === 0 ? null : submitted + path.reduce((sum, { seconds }) => sum + seconds, 0),
    scores: Object.fromEntries(scores),
  };
}

/** @returns 0 where a pattern that is a reference takes too long on an answer, as where it does not match. */
function scoreInTime(work: () => number): number {
  try {
    return boundedWork('the scoring of an answer', work, CALL_SECONDS);
  } catch (error) {
    if (error instanceof FailureError) return 0;
    throw error;
  }
}

const nameOf = (item: Item, field: string, index: number) => String(item[field] ?? index + 1);

interface Place {
  readonly index: number;
  readonly item: Item;
  readonly origin: number;
}

/** One application while it runs: its calls go to the engine, and into the journal. */
class Application implements Hands {
  readonly calls: TimedCall[] = [];
  readonly #order: RunOrder;
  readonly #gate: Gate;
  readonly #stopped: AbortSignal;
  readonly #place: Place;

  constructor(order: RunOrder, gate: Gate, stopped: AbortSignal, place: Place) {
    this.#order = order;
    this.#gate = gate;
    this.#stopped = stopped;
    this.#place = place;
  }

  async run() {
    const { read, separate, networkDelaySeconds } = this.#order;
    try {
      if (!separate) await this.#delay(networkDelaySeconds);
      return await runGraph(read.graph, this.#place.item, this);
    } catch (error) {
      if (error instanceof GraphError) return { problem: `${error.message}.` };
      throw error;
    }
  }

  async ask(call: PromptCall): Promise<string> {
    const known = this.#known(call);
    if (known !== null) return known.answer ?? '';
    const { engine, now, separate, networkDelaySeconds } = this.#order;
    const start = now();
    if (separate) await this.#delay(networkDelaySeconds);
    const reply = await this.#gate.runWhenFree(async () => {
      if (this.#stopped.aborted) throw new GraphError('the run was stopped');
      return await engine.complete(this.#request(call));
    });
    const { outcome, problem } = reply;
    if (this.#stopped.aborted) throw new GraphError('the run was stopped');
    this.#note(call, `${call.system ?? ''}\n${call.prompt}`, start, { ...reply, answer: reply.text });
    if (outcome !== 'complete') throw new GraphError(`${call.id}: ${problem ?? outcome}`.replace(/\.$/, ''));
    return reply.text;
  }

  async use(call: ToolCall): Promise<Value> {
    const known = this.#known(call);
    if (known !== null) return JSON.parse(known.answer ?? 'null') as Value;
    const start = this.#order.now();
    const gave = await this.#order.tools.use(call, this.#stopped);
    if (this.#stopped.aborted) throw new GraphError('the run was stopped');
    const problem = 'problem' in gave ? `${gave.problem}.` : null;
    const answer = 'value' in gave ? JSON.stringify(gave.value) : null;
    this.#note(call, call.input, start, {
      ...NO_TOKENS,
      outcome: problem === null ? 'complete' : 'broken',
      problem,
      answer,
    });
    if ('problem' in gave) throw new GraphError(`${call.id}: ${gave.problem}`);
    return gave.value;
  }

  /** A pattern of the graph may take for ever on an answer. */
  read(parser: Parser, answer: string): Value {
    try {
      return boundedWork('the reading of an answer', () => parseAnswer(parser, answer), CALL_SECONDS);
    } catch (error) {
      throw error instanceof FailureError ? new GraphError(error.failure.message) : error;
    }
  }

  /** What was said in an earlier sitting: it is not asked again. */
  #known({ id }: PromptCall | ToolCall): CallRecord | null {
    return this.#order.journal.answered(this.#place.index, id);
  }

  #request({ id, system, prompt, drawn }: PromptCall) {
    const { seed, temperature, maxTokens } = this.#order;
    return {
      system,
      prompt,
      model: drawn.model,
      stop: drawn.stop,
      topP: drawn.topP,
      topK: drawn.topK,
      minP: drawn.minP,
      maxTokens: drawn.maxTokens ?? maxTokens,
      temperature: drawn.temperature ?? temperature,
      // Of every variant the same call draws by the same seed.
      seed:
        createHash('sha256').update(`${seed} ${this.#place.index} ${id}`).digest().readUInt32LE() &
        0x7fff_ffff,
    };
  }

  #note(call: PromptCall | ToolCall, text: string, start: number, reply: Reply): void {
    const { now, journal, read } = this.#order;
    const { origin, index, item } = this.#place;
    const end = now();
    const secondsSinceOrigin = (seconds: number | null) =>
      seconds === null ? null : Math.max(0, seconds - origin);
    const { id, node, kind, after } = call;
    const { answer, outcome, problem, promptTokens, cachedTokens, outputTokens } = reply;
    this.calls.push({ id, node, after, start, end });
    journal.append({
      schema: CALL_SCHEMA,
      application: index,
      item: nameOf(item, read.graph.id, index),
      call: id,
      node,
      kind,
      after: [...after],
      promptDigest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
      answer,
      outcome,
      problem,
      promptTokens,
      cachedTokens,
      outputTokens,
      start: secondsSinceOrigin(start)!,
      sent: secondsSinceOrigin(reply.sent),
      firstToken: secondsSinceOrigin(reply.firstToken),
      end: secondsSinceOrigin(end)!,
      sitting: journal.sitting,
    });
  }

  async #delay(seconds: number): Promise<void> {
    if (seconds > 0) await sleep(seconds * 1000, undefined, { signal: this.#stopped }).catch(() => {});
  }
}

type Reply = Omit<Completion, 'text'> & { readonly answer: string | null };
const NO_TOKENS = {
  sent: null,
  firstToken: null,
  promptTokens: null,
  cachedTokens: null,
  outputTokens: null,
} as const;

/** Lets so many through at once, in the order in which they came. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async runWhenFree<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
