import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Family } from '../../core/metrics/families.js';
import { OPENMETRICS_TEXT, openMetricsText, PLAIN_TEXT, plainText } from '../../core/metrics/text.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Clock } from '../clock.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Log, LogEntry, ResultHead } from '../log/log.js';
import type { Registry } from '../registry/registry.js';
import { counts } from '../results.js';
import { isDeletedTrial } from '../scheduler/deleted-trials.js';
import { namespaceOf } from '../scheduler/namespaces.js';
import { Exposition } from './exposition.js';
import { GenAi } from './push/gen-ai.js';
import type { Pushed } from './push/pusher.js';
import { isShown, Replayed } from './replayed.js';
import { EMPTY, type Snapshot, shownName, takeSnapshot } from './snapshot.js';
import { ResultWindow } from './window.js';

export interface ExporterOptions {
  /** Newest results that are exported at a time; the best of each sweep are exported besides. */
  readonly results: number;
  /** How long a result is exported. */
  readonly keepSeconds: number;
  /** How long a node that is not connected is exported as missing. */
  readonly keepNodeSeconds: number;
  readonly version: string;
}

/** The coordinator's metrics. Nothing here is global: two coordinators of a process are apart. */
export class Exporter {
  readonly #options: ExporterOptions;
  readonly #window: ResultWindow;
  readonly #clock: Clock;
  readonly #exposition: Exposition;
  readonly #genAi = new GenAi();
  readonly #registry: Registry;
  #followed: Dispatcher | null = null;
  #isRestored = false;
  #replayed = new Replayed();
  /** Taken once for each scrape: every metric asks for it, and fronts are not free. */
  #snapshot: Snapshot = EMPTY;

  constructor(options: ExporterOptions, clock: Clock, registry: Registry) {
    this.#options = options;
    this.#clock = clock;
    this.#registry = registry;
    const objectivesOf = (sweepId: string) =>
      this.#dispatcher.state.sweeps.get(sweepId)?.view.objectives ?? [];
    const isGone = (trialId: string) => isDeletedTrial(this.#dispatcher.state, trialId);
    this.#window = new ResultWindow(options.results, options.keepSeconds, objectivesOf, isGone);
    this.#exposition = new Exposition(options.version, () => this.#snapshot);
  }

  /** Says whose state is shown. Its log may have been replayed before; nothing is exported before. */
  follow(dispatcher: Dispatcher): void {
    this.#followed = dispatcher;
  }

  /** Takes in the head of a result that was in the log when the coordinator started. */
  replayed(head: ResultHead, position: number): void {
    if (this.#age(head) <= this.#options.keepSeconds) this.#replayed.add(head, position);
  }

  /**
   * Fills the window with the newest results of what was replayed, so that a restart does not empty the
   * dashboards. Counters begin at 0. Of the log only what is shown is read.
   */
  async restore(log: Log): Promise<void> {
    for (const position of this.#replayed.newest(this.#dispatcher, this.#options.results)) {
      const { fact } = await log.get(position, 'row');
      if (fact.fact === 'ResultRecorded') this.#show(fact.record, this.#age(fact.record));
    }
  }

  /**
   * Looks among the older results for the best of each sweep: it has to read the figures of all of them, so
   * it takes its time and lets everybody else go first. Ends early when the signal aborts.
   */
  async restoreBest(log: Log, signal: AbortSignal): Promise<void> {
    const older = this.#replayed.older(this.#dispatcher);
    this.#replayed = new Replayed();
    try {
      for await (const { fact } of entriesOf(log, older)) {
        if (signal.aborted) return;
        if (fact.fact !== 'ResultRecorded' || !counts(this.#dispatcher, fact.record)) continue;
        this.#window.addOlder(fact.record, this.#clock.now() - this.#age(fact.record));
        await nextTurn();
      }
    } finally {
      this.#isRestored = true;
    }
  }

  /**
   * Whether it shows what it showed before the start: a snapshot from before then would not know all of that.
   */
  get isRestored(): boolean {
    return this.#isRestored;
  }

  /** @returns trials of what is exported now: a snapshot of the log names them. */
  shown(): string[] {
    return this.#window.trials(this.#clock.now());
  }

  /** Takes in a trial that has just been recorded. */
  record(record: ResultRecord): void {
    this.#exposition.trials.record(record);
    this.#genAi.record(record);
    this.#show(record, 0);
  }

  /** Shows a trial that another coordinator recorded: that one counts it. */
  async followed(log: Log, position: number): Promise<void> {
    const entry = await log.get(position, 'row').catch(() => null);
    if (entry?.fact.fact === 'ResultRecorded') this.#show(entry.fact.record, this.#age(entry.fact.record));
  }

  /** Lets go of what is counted by a node that is gone for good. Its results stay for as long as any. */
  forget(node: string): void {
    this.#exposition.trials.forget(node);
  }

  /** Takes in how long the log took to keep something. */
  appended(seconds: number): void {
    this.#exposition.trials.appended(seconds);
  }

  /** Takes in how long a device waited for its lease. */
  leased(seconds: number): void {
    this.#exposition.trials.leased(seconds);
  }

  /** @param accept the request's Accept header, see `formatFor`. */
  async expose(accept: string): Promise<{ contentType: string; body: string }> {
    return answer(accept, await this.families());
  }

  /** Everything that is exported now. */
  async families(): Promise<Family[]> {
    const now = this.#clock.now();
    this.#snapshot = takeSnapshot({
      dispatcher: this.#dispatcher,
      registry: this.#registry,
      shown: this.#window.resultsAt(now),
      now,
      goneBefore: Date.parse(this.#clock.isoTime()) - this.#options.keepNodeSeconds * 1000,
    });
    return await this.#exposition.families();
  }

  /** The same, and what OpenTelemetry has names of its own for. */
  async pushed(): Promise<Pick<Pushed, 'families' | 'genAi'>> {
    return { families: await this.families(), genAi: this.#genAi.histograms() };
  }

  get #dispatcher(): Dispatcher {
    if (this.#followed === null) throw new Error('an exporter follows a dispatcher before it shows anything');
    return this.#followed;
  }

  #show(record: ResultRecord, ageSeconds: number): void {
    if (isShown(record) && counts(this.#dispatcher, record))
      this.#window.add(this.#named(record), this.#clock.now() - ageSeconds);
  }

  /** A sweep of a namespace is shown with it, so that those of one name are not taken for one. */
  #named(record: ResultRecord): ResultRecord {
    const { sweep } = record;
    const namespace = namespaceOf(this.#dispatcher.state, sweep.id);
    const name = shownName(namespace, sweep.name);
    return name === sweep.name ? record : { ...record, sweep: { ...sweep, name } };
  }

  /** Seconds since a trial ended. */
  #age({ endedAt }: ResultHead): number {
    return Math.max(0, Date.parse(this.#clock.isoTime()) - Date.parse(endedAt)) / 1000;
  }
}

/** A stretch of which less is wanted is not read through. */
const READ_SHARE = 1 / 64;

/** Entries of a log at these positions. */
async function* entriesOf(log: Log, positions: readonly number[]): AsyncGenerator<LogEntry> {
  const [first = 1, last = 0] = [positions[0], positions.at(-1)];
  if (positions.length === 0) return;
  if (positions.length < READ_SHARE * (last - first)) {
    for (const position of positions) yield await log.get(position, 'row');
    return;
  }
  const wanted = new Set(positions);
  for await (const entry of log.read(first - 1, 'row')) {
    if (entry.position > last) return;
    if (wanted.has(entry.position)) yield entry;
  }
}

type ExpositionFormat = 'plain' | 'openmetrics';

interface Answer {
  readonly contentType: string;
  readonly body: string;
}

/** @returns families in the format that the reader likes best. */
function answer(accept: string, families: readonly Family[]): Answer {
  return formatFor(accept) === 'openmetrics'
    ? { contentType: OPENMETRICS_TEXT, body: openMetricsText(families) }
    : { contentType: PLAIN_TEXT, body: plainText(families) };
}

/**
 * The format with the greater weight in an Accept header: of equals OpenMetrics, which has exemplars; of none
 * plain text.
 */
export function formatFor(accept: string): ExpositionFormat {
  const weights = { openmetrics: 0, plain: 0 };
  for (const part of accept.split(',')) {
    const [type, ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    if (type !== 'application/openmetrics-text' && type !== 'text/plain') continue;
    const weight = parameters.find((one) => one.startsWith('q='));
    const format = type === 'text/plain' ? 'plain' : 'openmetrics';
    weights[format] = Math.max(weights[format], weight === undefined ? 1 : Number(weight.slice(2)) || 0);
  }
  return weights.openmetrics > 0 && weights.openmetrics >= weights.plain ? 'openmetrics' : 'plain';
}
