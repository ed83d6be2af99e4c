import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session } from '../../agent/session.js';
import { Spool } from '../../agent/spool.js';
import type { TrialExecutor } from '../../agent/trial/executor.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { connectAgents } from '../../proto/client.js';
import { aHealth, aNode, aRecord } from './wire-records.js';

/** What an agent did, by its own journal; times are seconds of this process's clock. */
export interface JournalEntry {
  readonly node: string;
  readonly what: 'granted' | 'ended' | 'stopped';
  readonly trialId: string;
  /** Sweep and position. */
  readonly point: string;
  readonly at: number;
}

/** The real session and the real spool of an agent, with trials of a known duration that compute nothing. */
export class TimedAgent {
  readonly journal: JournalEntry[];
  readonly session: Session;
  readonly ended: Promise<void>;
  readonly #folder: string;
  readonly #spool: Spool;
  readonly #running = new Map<string, NodeJS.Timeout>();

  private constructor(
    name: string,
    addresses: string,
    seconds: number,
    spool: { folder: string; spool: Spool },
    journal: JournalEntry[],
  ) {
    this.#folder = spool.folder;
    this.#spool = spool.spool;
    this.journal = journal;
    const profile = aNode(name, {
      devices: [{ id: 'cpu0', classes: ['cpu'], name: 'CPU', memoryBytes: 8e9, cpus: [0] }],
    });
    const note = (what: JournalEntry['what'], { trialId, sweepId, position }: Lease): void => {
      journal.push({ node: name, what, trialId, point: `${sweepId} ${position}`, at: clock() });
    };
    const running = this.#running;
    const leases = new Map<string, Lease>();
    const end = async (lease: Lease): Promise<void> => {
      note('ended', lease);
      const record = { ...aRecord(lease, profile), device: { id: 'cpu0', class: 'cpu', name: 'CPU' } };
      await this.#spool.put(record);
      running.delete(lease.trialId);
      void this.session.report(record);
      this.session.askAgain();
    };
    const trials = {
      get trialIds() {
        return [...running.keys()];
      },
      get runningCount() {
        return running.size;
      },
      isFree: (_device: DeviceProfile) => running.size === 0,
      begin(lease: Lease) {
        if (running.has(lease.trialId)) return;
        note('granted', lease);
        leases.set(lease.trialId, lease);
        running.set(
          lease.trialId,
          setTimeout(() => void end(lease), 1000 * seconds),
        );
      },
      stop: (trialId: string) => {
        const timer = running.get(trialId);
        if (timer === undefined) return;
        clearTimeout(timer);
        running.delete(trialId);
        note('stopped', leases.get(trialId)!);
        this.session.askAgain();
      },
    } as unknown as TrialExecutor;
    const connection = connectAgents({ address: addresses, security: { kind: 'plaintext' } });
    this.session = new Session({
      profile,
      connection,
      trials,
      spool: spool.spool,
      health: () => aHealth(),
      onDrain: () => {},
      log: (level, message) => {
        if (process.env.RIDGE_DEBUG) console.error(`${clock().toFixed(2)} ${name} ${level}: ${message}`);
      },
    });
    this.ended = this.session.run();
  }

  /** @param journal that agents share; left out = its own */
  static async start(
    name: string,
    addresses: string,
    seconds: number,
    journal: JournalEntry[] = [],
  ): Promise<TimedAgent> {
    const folder = mkdtempSync(join(tmpdir(), `ridgepoint-timed-${randomUUID().slice(0, 8)}`));
    const spool = await Spool.open(folder, () => {});
    return new TimedAgent(name, addresses, seconds, { folder, spool }, journal);
  }

  /** Results that nobody has confirmed yet. */
  get waiting(): number {
    return this.#spool.size;
  }

  get running(): number {
    return this.#running.size;
  }

  async stop(): Promise<void> {
    const returned = [...this.#running.keys()];
    for (const timer of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
    await this.session.leave(returned, 'stopped');
    await this.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export const clock = (): number => performance.now() / 1000;

/** Trials of a point beyond the first that was granted: none has failed here, so each is a repetition. */
export function repeatedPoints(journal: readonly JournalEntry[]): string[] {
  const granted = journal.filter(({ what }) => what === 'granted').map(({ point }) => point);
  return [...new Set(granted.filter((point, index) => granted.indexOf(point) !== index))];
}
