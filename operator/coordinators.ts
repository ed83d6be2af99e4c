import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson } from '../core/sweep/identity.js';
import type { Objective } from '../core/sweep/spec.js';
import { type ControlConnection, connectControl, type Endpoint } from '../proto/client.js';
import { fromBounds, parseStoredRecord } from '../proto/convert.js';
import { WireError } from '../proto/errors.js';
import { RecordDetail, type SweepStatus, sweepStateToJSON } from '../proto/gen/ridgepoint/v1/control.js';
import { CompactRecords } from '../report/compact.js';
import { IncrementalReport } from '../report/incremental/report.js';
import { quotedOf, quotedValue } from '../report/quoted.js';
import type { Row } from '../report/rows.js';
import type { BestRow } from './sweep/definition.js';
import { sha256 } from './sweep/job.js';
import type { Best, SweepSeen } from './sweep/status.js';

const BEST_ROWS = 10;
const LABEL_CHARACTERS = 300;
/** Rows of a sweep are read again for the best one no more often. */
const LEAST_SECONDS = 10;
/**
 * Largest share of the time in which rows are read: for those of one sweep a coordinator looks through its
 * whole log.
 */
const SHARE = 0.1;
/** Counts of all sweeps are asked for no more often, however many are submitted at once. */
const APART_SECONDS = 0.25;

/** One coordinator, as the operator sees it: asked for all its sweeps at once, every few seconds. */
export class Coordinator {
  readonly #control: ControlConnection;
  readonly #address: string;
  #sweeps: ReadonlyMap<string, SweepSeen> = new Map();
  #trouble: string | null = 'the coordinator was not asked yet';
  readonly #best = new Map<
    string,
    { readonly best: Best | null; readonly of: string; readonly next: number }
  >();
  #said = '';
  /** The asking that whoever comes now waits for. */
  #next: Promise<void> | null = null;
  #asked = 0;

  constructor(endpoint: Endpoint) {
    this.#control = connectControl(endpoint);
    this.#address = endpoint.address;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  sweep(sweepId: string | null): SweepSeen | null {
    return (sweepId === null ? undefined : this.#sweeps.get(sweepId)) ?? null;
  }

  best(sweepId: string | null): Best | null {
    return (sweepId === null ? undefined : this.#best.get(sweepId)?.best) ?? null;
  }

  /**
   * Asks until the signal comes.
   * @param changed is called with the ids of sweeps whose state has changed; null = the coordinator has begun
   *   or ceased to answer.
   * @param wanted whose best rows somebody shows.
   */
  async follow(
    seconds: number,
    wanted: () => ReadonlySet<string>,
    changed: (ids: ReadonlySet<string> | null) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const reading = this.#followBest(seconds, wanted, changed, signal);
    while (!signal.aborted) {
      await this.refresh(changed);
      await pause(seconds, signal);
    }
    await reading;
  }

  /**
   * Asks once, for instance after a change. Callers at the same moment share one request. Never throws.
   */
  refresh(changed: (ids: ReadonlySet<string> | null) => void): Promise<void> {
    this.#next ??= pause(this.#asked + APART_SECONDS - performance.now() / 1000).then(() => {
      this.#next = null;
      this.#asked = performance.now() / 1000;
      return this.#ask(changed);
    });
    return this.#next;
  }

  async #ask(changed: (ids: ReadonlySet<string> | null) => void): Promise<void> {
    try {
      const { sweeps } = await this.#control.listSweeps({ deadlineSeconds: 10 });
      const now = new Map(sweeps.map((status) => [status.sweepId, seenOf(status)]));
      const others = [...now].filter(
        ([id, sweep]) => canonicalJson(sweep) !== canonicalJson(this.#sweeps.get(id) ?? null),
      );
      const gone = [...this.#sweeps.keys()].filter((id) => !now.has(id));
      const answers = this.#trouble !== null;
      this.#sweeps = now;
      this.#trouble = null;
      this.#said = '';
      if (answers) changed(null);
      else if (others.length + gone.length > 0) changed(new Set([...others.map(([id]) => id), ...gone]));
    } catch (error) {
      this.#trouble = `the coordinator at ${this.#address} does not answer: ${(error as Error).message}`;
      if (this.#said !== this.#trouble) changed(null);
      this.#said = this.#trouble;
    }
  }

  /** @returns the id. @throws WireError `invalid` with the parser's sentences as details, and others. */
  async submit(document: string, namespace: string, submitter: string): Promise<string> {
    const request = { document, modelsJson: '', submitter, retryFailed: false, namespace };
    return (await this.#control.submitSweep(request)).sweepId;
  }

  /** A sweep that is gone or over is none to steer. @throws WireError */
  async steer(step: 'cancel' | 'suspend' | 'resume', sweepId: string, reason: string): Promise<void> {
    const request = { sweepId, reason };
    try {
      if (step === 'cancel') await this.#control.cancelSweep(request);
      else if (step === 'suspend') await this.#control.pauseSweep(request);
      else await this.#control.resumeSweep(request);
    } catch (error) {
      if (!(error instanceof WireError) || (error.code !== 'not-found' && error.code !== 'refused'))
        throw error;
    }
  }

  close(): void {
    this.#control.close();
  }

  /** Beside the asking: rows of a large sweep take longer than its counts. */
  async #followBest(
    seconds: number,
    wanted: () => ReadonlySet<string>,
    changed: (ids: ReadonlySet<string>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const ids = wanted();
      for (const id of this.#best.keys()) if (!ids.has(id)) this.#best.delete(id);
      for (const id of ids) if (!signal.aborted) await this.#readBest(id, changed, signal);
      await pause(seconds, signal);
    }
  }

  async #readBest(
    id: string,
    changed: (ids: ReadonlySet<string>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const sweep = this.#sweeps.get(id);
    if (sweep === undefined || sweep.complete === 0) return;
    const of = `${sweep.complete} ${sweep.disturbed} ${sweep.trialsLeft} ${sweep.state}`;
    const known = this.#best.get(id);
    const begun = performance.now() / 1000;
    if (known?.of === of || (known !== undefined && begun < known.next)) return;
    const best = await this.#bestOf(sweep, signal).catch(() => null);
    const took = performance.now() / 1000 - begun;
    if (best !== null) {
      this.#best.set(id, { best, of, next: begun + LEAST_SECONDS });
      if (known?.best?.digest !== best.digest) changed(new Set([id]));
    }
    await pause(took / SHARE, signal);
  }

  async #bestOf(sweep: SweepSeen, signal: AbortSignal): Promise<Best | null> {
    const objectives = sweep.objectives.map(({ metric, maximize }) => ({
      metric,
      better: maximize ? ('max' as const) : ('min' as const),
    }));
    const bounds = fromBounds(sweep.search?.constraints ?? []);
    const lean = new CompactRecords([...objectives, ...bounds].map(({ metric }) => metric));
    const report = new IncrementalReport({ sweepName: sweep.name, objectives, bounds });
    const request = {
      follow: false,
      allTrials: true,
      together: true,
      detail: RecordDetail.RECORD_DETAIL_ROW,
    };
    const messages = this.#control.streamResults({ ...request, sweepId: sweep.sweepId }, signal);
    for await (const { recordJson, moreJson } of messages)
      report.add([recordJson, ...moreJson].map((json) => lean.compacted(parseStoredRecord(json))));
    return bestOf(report.report().rows, objectives);
  }
}

async function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  if (seconds > 0) await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
}

function seenOf(status: SweepStatus): SweepSeen {
  const state = sweepStateToJSON(status.state)
    .replace('SWEEP_STATE_', '')
    .toLowerCase() as SweepSeen['state'];
  return { ...status, state };
}

/** @returns the valid rows of the front, the best by the first objective first; null without any. */
function bestOf(rows: readonly Row[], objectives: readonly Objective[]): Best | null {
  const [first] = objectives;
  if (first === undefined) return null;
  const sign = first.better === 'max' ? -1 : 1;
  const front = rows.filter(
    (row) => row.state === 'valid' && row.onFront && quotedOf(row, first.metric) !== null,
  );
  const value = (row: Row) => quotedValue(row, first.metric) as number;
  const sorted = front.sort(
    (a, b) => sign * (value(a) - value(b)) || a.experimentId.localeCompare(b.experimentId),
  );
  const best = sorted.slice(0, BEST_ROWS).map(
    (row): BestRow => ({
      experimentId: row.experimentId,
      // Which pod measured it says nothing of the row.
      label: row.label.replace(`${row.axes.node ?? ''} `, '').slice(0, LABEL_CHARACTERS),
      metrics: Object.fromEntries(
        objectives.flatMap(({ metric }) => {
          const number = quotedValue(row, metric);
          return number === null ? [] : [[metric, number]];
        }),
      ),
    }),
  );
  const [top] = best;
  if (top === undefined) return null;
  const number = Number((top.metrics[first.metric] as number).toPrecision(4));
  return {
    line: `${top.label}: ${first.metric} ${number}`,
    rows: best,
    digest: `sha256:${sha256(canonicalJson(best))}`,
  };
}
