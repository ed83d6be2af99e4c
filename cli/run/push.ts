import { hostname } from 'node:os';
import type { RunningAgent } from '../../agent/main.js';
import { Pusher, type PushSettings } from '../../coordinator/exporter/push/pusher.js';
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
 * Prepares to push what coordinator and agent of a run would show to a scrape, to wherever the options say.
 * @throws CommandError (2) when an option is wrong.
 */
export function preparePush(options: Pick<RunOptions, 'remoteWrite' | 'otlp' | 'pushTokenFile'>): Pushing {
  const wanted: [PushSettings['kind'], string | undefined][] = [
    ['remote-write', options.remoteWrite],
    ['otlp', options.otlp],
  ];
  const target = { job: 'ridgepoint-run', instance: hostname() };
  const tokenFile = options.pushTokenFile ?? null;
  let pushers: Pusher[];
  try {
    pushers = wanted.flatMap(([kind, url]) =>
      url === undefined
        ? []
        : [new Pusher({ kind, url, intervalSeconds: INTERVAL_SECONDS, tokenFile }, target, say)],
    );
  } catch (error) {
    if (error instanceof FailureError) throw fromFailure(error.failure, EXIT.usage);
    throw error;
  }
  return {
    start(coordinator, agent) {
      const take = async () => {
        const { families, genAi } = await coordinator.pushed();
        return { families: [...families, ...agent.families()], genAi };
      };
      for (const pusher of pushers) pusher.start(take);
    },
    async stop() {
      await Promise.all(pushers.map((pusher) => pusher.stop()));
    },
  };
}
