import { failed } from '../../../core/errors.js';
import type { Job } from '../../../process/isolation/job.js';
import type { Learned } from '../../../process/isolation/learned.js';
import type { FetchJob } from './fetch.js';

export interface FetchTask {
  readonly job: FetchJob;
  readonly outputPath: string;
}

/** Bytes that have come, of how many; null = the server does not say. */
export interface FetchReport {
  readonly type: 'fetched';
  readonly doneBytes: number;
  readonly totalBytes: number | null;
}

/** How soon a fetch hears that it should end. */
const LOOK_MILLISECONDS = 200;

/** Fetches a model into the cache; what is written beside it says the rest. */
export const FETCH: Job<FetchTask, Learned, FetchReport> = {
  name: 'fetch',
  what: 'the download',
  async run({ job, outputPath }, channel) {
    const { fetchModel } = await import('./fetch.js');
    const stopping = new AbortController();
    const look = setInterval(() => {
      const reason = channel.stopReason();
      if (reason !== null) stopping.abort(failed('cancelled', reason));
    }, LOOK_MILLISECONDS);
    await fetchModel(job, outputPath, stopping.signal, (doneBytes, totalBytes) =>
      channel.send({ type: 'fetched', doneBytes, totalBytes }),
    ).finally(() => clearInterval(look));
    return { warnings: [], facts: {} };
  },
};
