import type { ResultRecord } from '../../core/result.js';
import type { Clock } from '../clock.js';
import type { Conductor } from '../conductor.js';
import type { Log } from '../log/log.js';
import type { Registry } from '../registry/registry.js';
import { results } from '../results.js';
import { sweepStatus } from '../scheduler/status.js';
import { Exposition, type Snapshot, type SweepProgress } from './exposition.js';
import { standingsOf } from './standing.js';
import { ResultWindow } from './window.js';

export interface ExporterOptions {
  /** Newest results that are exported at a time. */
  readonly results: number;
  /** How long a result is exported. */
  readonly keepSeconds: number;
  readonly version: string;
}

/** Sweeps whose progress is exported: the newest ones. */
const SWEEPS = 50;
const OPENMETRICS = 'application/openmetrics-text';

/** The coordinator's metrics, in both text formats. Nothing here is global: two coordinators of a process are apart. */
export class Exporter {
  readonly #window: ResultWindow;
  readonly #clock: Clock;
  readonly #plain: Exposition;
  readonly #open: Exposition;
  readonly #take: () => Snapshot;
  /** Taken once for each scrape: every metric asks for it, and fronts are not free. */
  #snapshot: Snapshot = { results: [], sweeps: [], nodes: [] };

  constructor(options: ExporterOptions, clock: Clock, conductor: () => Conductor, registry: Registry) {
    this.#clock = clock;
    this.#window = new ResultWindow(options.results, options.keepSeconds);
    this.#take = () => ({
      results: standingsOf(
        this.#window.at(clock.now()),
        (sweepId) => conductor().state.sweeps.get(sweepId)?.view.objectives ?? [],
      ),
      sweeps: progressOf(conductor()),
      nodes: registry.entries().map((entry) => ({ node: entry.profile.name, up: entry.session !== null })),
    });
    const snapshot = (): Snapshot => this.#snapshot;
    this.#plain = new Exposition(false, options.version, snapshot);
    this.#open = new Exposition(true, options.version, snapshot);
  }

  /** Fills the window from the log, so that a restart does not empty the dashboards. Counters begin at 0. */
  async restore(log: Log, conductor: Conductor): Promise<void> {
    const query = { sweepId: null, follow: false, allTrials: false };
    for await (const record of results(log, conductor, query, new AbortController().signal))
      this.#show(record);
  }

  /** Takes in a trial that has just been recorded. */
  record(record: ResultRecord): void {
    this.#plain.record(record);
    this.#open.record(record);
    this.#show(record);
  }

  /** Invalid rows must not be compared, so they are counted and not shown; nor are drift controls. */
  #show(record: ResultRecord): void {
    if (record.status === 'complete' && record.valid && record.sweep.purpose === 'measure') {
      this.#window.add(record, this.#clock.now());
    }
  }

  /** @param accept the request's Accept header: OpenMetrics for who asks for it, else text 0.0.4. */
  async expose(accept: string): Promise<{ contentType: string; body: string }> {
    this.#snapshot = this.#take();
    const { registry } = wantsOpenMetrics(accept) ? this.#open : this.#plain;
    return { contentType: registry.contentType, body: await registry.metrics() };
  }
}

/** True when OpenMetrics is named with a weight above 0 and at least that of plain text. */
export function wantsOpenMetrics(accept: string): boolean {
  const weights = accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    const weight = parameters.find((one) => one.startsWith('q='));
    return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
  });
  const open = weights.find((one) => one.type === OPENMETRICS)?.weight ?? 0;
  const plain = weights.find((one) => one.type === 'text/plain')?.weight ?? 0;
  return open > 0 && open >= plain;
}

function progressOf(conductor: Conductor): SweepProgress[] {
  const { sweeps, leases } = conductor.state;
  const running = new Map<string, number>();
  for (const lease of leases.values()) {
    if (lease.purpose === 'measure') running.set(lease.sweepId, (running.get(lease.sweepId) ?? 0) + 1);
  }
  return [...sweeps.values()].slice(-SWEEPS).map((sweep) => {
    const { sweepId, name, queued, complete, failed, invalid, reused } = sweepStatus(sweep);
    const now = Math.min(queued, running.get(sweepId) ?? 0);
    return { sweep: name, points: { queued: queued - now, running: now, complete, failed, invalid }, reused };
  });
}
