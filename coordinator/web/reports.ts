import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { LiveReport } from '../../report/live/live.js';
import { liveDetails, PartPacker } from '../../report/live/pack.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Log } from '../log/log.js';
import { storedResults } from '../results.js';
import type { SweepState } from '../scheduler/state.js';

/** Records read, packed and written between two turns of the event loop: agents are waiting too. */
const PART = 64;
const PART_OF_SUMMARIES = 256;
/** Sweeps whose report is kept for the next reader. */
const CACHED_REPORTS = 4;
const compress = promisify(gzip);

/** Packed reports of whole sweeps, as compressed JSON. Readers that come at the same time share one. */
export class Reports {
  readonly #log: Log;
  readonly #dispatcher: Dispatcher;
  readonly #made = new Map<string, { position: number; packed: Promise<Buffer> }>();

  constructor(log: Log, dispatcher: Dispatcher) {
    this.#log = log;
    this.#dispatcher = dispatcher;
  }

  /** @returns a LiveReport as JSON in gzip, of everything that is in the log now. */
  reportOf(sweep: SweepState): Promise<Buffer> {
    const { sweepId } = sweep.view;
    const { position } = this.#dispatcher;
    const cached = this.#made.get(sweepId);
    if (cached?.position === position) return cached.packed;
    const packed = this.#write(sweep, position);
    this.#made.delete(sweepId);
    this.#made.set(sweepId, { position, packed });
    for (const oldest of this.#made.keys()) if (this.#made.size > CACHED_REPORTS) this.#made.delete(oldest);
    packed.catch(() => this.#made.delete(sweepId));
    return packed;
  }

  async #write(sweep: SweepState, through: number): Promise<Buffer> {
    const { sweepId, name: sweepName, objectives, bounds, count: points, names } = sweep.view;
    const { starts, maxStarts } = sweep.view.startsPolicy;
    const trials = [...sweep.queues.values()].reduce(
      (sum, queue) => sum + queue.settled.size * starts + queue.starts.total,
      0,
    );
    const details = liveDetails(trials);
    const many = details.tokenSeconds === 0;
    const most = many ? PART_OF_SUMMARIES : PART;
    const query = {
      sweepId,
      follow: false,
      allTrials: true,
      detail: many ? ('row' as const) : ('full' as const),
    };
    const { signal } = new AbortController();
    const parts: string[] = [];
    const packer = new PartPacker({ sweepName, objectives }, details);
    const pack = async (): Promise<void> => {
      for (const part of packer.take()) parts.push(JSON.stringify(part));
      await nextTurn();
    };
    for await (const entry of storedResults(this.#log, this.#dispatcher, query, 0, signal)) {
      // What came while we read is sent by the events after `through`.
      if (entry.position > through) break;
      packer.add(entry.record());
      if (packer.count === most) await pack();
    }
    if (packer.count > 0) await pack();
    const head: Omit<LiveReport, 'parts'> = {
      sweepId,
      sweepName,
      objectives,
      bounds,
      points,
      starts,
      maxStarts,
      names,
      through,
      details,
    };
    const json = `${JSON.stringify(head).slice(0, -1)},"parts":[${parts.join(',')}]}`;
    return await compress(json, { level: constants.Z_BEST_SPEED });
  }
}
