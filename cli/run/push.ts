import { hostname } from 'node:os';
import type { RunningAgent } from '../../agent/main.js';
import { Pusher } from '../../coordinator/exporter/push/pusher.js';
import type { RunningCoordinator } from '../../coordinator/main.js';
import { FailureError } from '../../core/errors.js';
import { EXIT, fromFailure } from '../exit.js';
import { say } from '../output/print.js';
import type { RunOptions } from './command.js';

/** A run may be over in less than the minute between two scrapes, so it pushes more often. */
const INTERVAL_SECONDS = 5;

export interface Pushing {
  start(coordinator: Pick<RunningCoordinator, 'pushed'>, agent: Pick<RunningAgent, 'families'>): void;
  /** Pushes for the last time. */
  stop(): Promise<void>;
}

/**
 * Prepares to push what coordinator and agent of a run would show to a scrape, to where the options say.
 * @throws CommandError (2) when an option is wrong.
 */
export function preparePush({ otlp, pushTokenFile }: Pick<RunOptions, 'otlp' | 'pushTokenFile'>): Pushing {
  const pusher = otlp === undefined ? null : pusherTo(otlp, pushTokenFile ?? null);
  return {
    start(coordinator, agent) {
      pusher?.start(async () => {
        const { families, genAi } = await coordinator.pushed();
        return { families: [...families, ...agent.families()], genAi };
      });
    },
    async stop() {
      await pusher?.stop();
    },
  };
}

function pusherTo(url: string, tokenFile: string | null): Pusher {
  const target = { job: 'ridgepoint-run', instance: hostname() };
  try {
    return new Pusher({ url, intervalSeconds: INTERVAL_SECONDS, tokenFile }, target, say);
  } catch (error) {
    if (error instanceof FailureError) throw fromFailure(error.failure, EXIT.usage);
    throw error;
  }
}
