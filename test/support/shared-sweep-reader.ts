import { SweepReader as OwnReader } from '../../coordinator/sweep-reader.js';

const shared = new OwnReader();

/**
 * Stands for `coordinator/sweep-reader.ts` where tests start coordinators one after the other in their own
 * process (vitest.config.ts): all of them ask one thread, whose start is half a second of work.
 */
export class SweepReader implements Pick<OwnReader, 'read' | 'close'> {
  async read(...asked: Parameters<OwnReader['read']>): ReturnType<OwnReader['read']> {
    return await shared.read(...asked);
  }

  /** The next coordinator asks it, too; it ends by itself when nobody has asked for a while. */
  async close(): Promise<void> {}
}
