import { setImmediate as breathe } from 'node:timers/promises';
import type { LiveReport } from '../../core/live/live.js';
import { packLive, withoutReadings } from '../../core/live/pack.js';
import type { ResultRecord } from '../../core/result.js';
import type { Conductor } from '../conductor.js';
import type { Log } from '../log/log.js';
import { resultEntries } from '../results.js';
import type { SweepState } from '../scheduler/state.js';

/** Records read between two turns of the event loop: agents are waiting too. */
const BREATH = 32;
/** Sweeps whose report is kept for the next reader. */
const KEPT = 4;

/** Packed reports of whole sweeps, as JSON. Readers that come at the same time share one. */
export class Reports {
  readonly #log: Log;
  readonly #conductor: Conductor;
  readonly #made = new Map<string, { position: number; json: Promise<string> }>();

  constructor(log: Log, conductor: Conductor) {
    this.#log = log;
    this.#conductor = conductor;
  }

  /** @returns a LiveReport as JSON, of everything that is in the log now. */
  of(sweep: SweepState): Promise<string> {
    const { sweepId } = sweep.view;
    const { position } = this.#conductor;
    const kept = this.#made.get(sweepId);
    if (kept?.position === position) return kept.json;
    const json = this.#make(sweep, position).then((report) => JSON.stringify(report));
    this.#made.delete(sweepId);
    this.#made.set(sweepId, { position, json });
    for (const oldest of this.#made.keys()) if (this.#made.size > KEPT) this.#made.delete(oldest);
    json.catch(() => this.#made.delete(sweepId));
    return json;
  }

  async #make(sweep: SweepState, through: number): Promise<LiveReport> {
    const { sweepId, name, objectives } = sweep.view;
    const query = { sweepId, follow: false, allTrials: true };
    const records: ResultRecord[] = [];
    let read = 0;
    for await (const entry of resultEntries(
      this.#log,
      this.#conductor,
      query,
      0,
      new AbortController().signal,
    )) {
      // What came while we read is told by the events after `through`.
      if (entry.position > through) break;
      records.push(withoutReadings(entry.record));
      if (++read % BREATH === 0) await breathe();
    }
    const request = { sweepName: name, objectives };
    return { sweepId, through, payload: packLive(records, request) };
  }
}
