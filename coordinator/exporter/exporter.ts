import type { Family } from '../../core/metrics/families.js';
import type { ResultRecord } from '../../core/result.js';
import type { Clock } from '../clock.js';
import type { Conductor } from '../conductor.js';
import type { Log } from '../log/log.js';
import type { Registry } from '../registry/registry.js';
import { counts } from '../results.js';
import { Exposition } from './exposition.js';
import { answer } from './negotiate.js';
import { GenAi } from './push/gen-ai.js';
import type { Pushed } from './push/pusher.js';
import { EMPTY, type Snapshot, takeSnapshot } from './snapshot.js';
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
  readonly #window: ResultWindow;
  readonly #clock: Clock;
  readonly #exposition: Exposition;
  readonly #genAi = new GenAi();
  readonly #take: () => Snapshot;
  /** Codes of the doubts that made a trial invalid; a valid trial has no entry. */
  readonly #doubts = new Map<string, readonly string[]>();
  /** Taken once for each scrape: every metric asks for it, and fronts are not free. */
  #snapshot: Snapshot = EMPTY;

  constructor(options: ExporterOptions, clock: Clock, conductor: () => Conductor, registry: Registry) {
    this.#clock = clock;
    const objectivesOf = (sweepId: string) => conductor().state.sweeps.get(sweepId)?.view.objectives ?? [];
    this.#window = new ResultWindow(options.results, options.keepSeconds, objectivesOf);
    this.#take = () =>
      takeSnapshot({
        conductor: conductor(),
        registry,
        records: this.#window.at(clock.now()),
        doubtsOf: (trialId) => this.#doubts.get(trialId) ?? [],
        goneBefore: Date.parse(clock.at()) - options.keepNodeSeconds * 1000,
      });
    this.#exposition = new Exposition(options.version, () => this.#snapshot);
  }

  /** Fills the window from the log, so that a restart does not empty the dashboards. Counters begin at 0. */
  async restore(log: Log, conductor: Conductor): Promise<void> {
    const now = Date.parse(this.#clock.at());
    for await (const { fact, position } of log.read(0, 'row')) {
      if (fact.fact !== 'ResultRecorded' || conductor.isDamaged(position)) continue;
      this.#doubt(fact.record);
      const age = Math.max(0, now - Date.parse(fact.record.endedAt)) / 1000;
      if (counts(conductor, fact.record)) this.#show(fact.record, age);
    }
  }

  /** Takes in a trial that has just been recorded. */
  record(record: ResultRecord): void {
    this.#exposition.trials.record(record);
    this.#genAi.record(record);
    this.#doubt(record);
    this.#show(record, 0);
  }

  /** Lets go of what is counted by a node that is gone for good. Its results stay for as long as any. */
  forget(node: string): void {
    this.#exposition.trials.forget(node);
  }

  /** Takes in how long the log took to keep something. */
  appended(seconds: number): void {
    this.#exposition.trials.appended(seconds);
  }

  /** @param accept the request's Accept header, see `formatFor`. */
  async expose(accept: string): Promise<{ contentType: string; body: string | Uint8Array }> {
    return answer(accept, await this.families());
  }

  /** Everything that is exported now. */
  async families(): Promise<Family[]> {
    this.#snapshot = this.#take();
    return await this.#exposition.families();
  }

  /** The same, and what OpenTelemetry has names of its own for. */
  async pushed(): Promise<Pick<Pushed, 'families' | 'genAi'>> {
    return { families: await this.families(), genAi: this.#genAi.histograms() };
  }

  #doubt({ trialId, status, valid, warnings }: ResultRecord): void {
    if (status !== 'complete' || valid) return;
    const codes = warnings.filter(({ severity }) => severity === 'invalid').map(({ code }) => code);
    this.#doubts.set(trialId, [...new Set(codes)]);
  }

  /** Invalid rows must not be compared, so they are counted and not shown; nor are drift controls. */
  #show(record: ResultRecord, ageSeconds: number): void {
    if (record.status === 'complete' && record.valid && record.sweep.purpose === 'measure') {
      this.#window.add(record, this.#clock.now() - ageSeconds);
    }
  }
}
