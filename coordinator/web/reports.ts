import { setImmediate as breathe } from 'node:timers/promises';
import type { LiveReport } from '../../core/live/live.js';
import { liveDetails, packLive } from '../../core/live/pack.js';
import type { ResultRecord } from '../../core/result.js';
import type { Conductor } from '../conductor.js';
import type { Log } from '../log/log.js';
import { storedResults } from '../results.js';
import type { SweepState } from '../scheduler/state.js';

/** Records read, packed and written between two turns of the event loop: agents are waiting too. */
const PART = 64;
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
    const json = this.#write(sweep, position);
    this.#made.delete(sweepId);
    this.#made.set(sweepId, { position, json });
    for (const oldest of this.#made.keys()) if (this.#made.size > KEPT) this.#made.delete(oldest);
    json.catch(() => this.#made.delete(sweepId));
    return json;
  }

  async #write(sweep: SweepState, through: number): Promise<string> {
    const { sweepId, name: sweepName, objectives, count: points } = sweep.view;
    const settled = [...sweep.tracks.values()].reduce((sum, track) => sum + track.settled.size, 0);
    const details = liveDetails(settled);
    const query = { sweepId, follow: false, allTrials: true, detail: 'full' as const };
    const { signal } = new AbortController();
    const parts: string[] = [];
    let part: ResultRecord[] = [];
    const pack = async (): Promise<void> => {
      parts.push(JSON.stringify(packLive(part, { sweepName, objectives }, details)));
      part = [];
      await breathe();
    };
    for await (const entry of storedResults(this.#log, this.#conductor, query, 0, signal)) {
      // What came while we read is told by the events after `through`.
      if (entry.position > through) break;
      part.push(entry.record());
      if (part.length === PART) await pack();
    }
    if (part.length > 0) await pack();
    const head: Omit<LiveReport, 'parts'> = { sweepId, sweepName, objectives, points, through, details };
    return `${JSON.stringify(head).slice(0, -1)},"parts":[${parts.join(',')}]}`;
  }
}
