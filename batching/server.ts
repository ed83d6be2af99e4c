import type { Step } from '../roofline/step/compile.js';
import type { Scheduler } from './schedulers/scheduler.js';

/** A server as it is simulated. */
export interface BatchingServer {
  readonly scheduler: Scheduler;
  /** Seconds of each step, host times included. */
  readonly step: Pick<Step, 'secondsOf'>;
  /** Tokens that the cache of one replica has room for, and how they are given out. */
  readonly cacheTokens: number;
  /** That the host takes of a request on its way to the engine. */
  readonly requestSeconds: number;
  /** Equal servers behind a router: each request goes to the one with the fewest. */
  readonly replicas: number;
}
