import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { hostname } from 'node:os';
import { toFailure } from '../core/errors.js';
import type { ResolvedConfig } from './config.js';
import { Pusher } from './exporter/push/pusher.js';
import type { Leader } from './log/leadership.js';
import type { Opened, Parts } from './parts.js';
import { seekLeadership } from './seek.js';
import type { Served } from './serving.js';

/** How often leases and silent nodes are looked at; oftener when leases are short. */
const TICK_SECONDS = 1;
/** How often a standby looks for what was written, so that its readers are not far behind. */
const FOLLOW_SECONDS = 0.25;

/** Pushes what would be scraped to where the configuration says. */
export function pushMetrics({ exporter, logger }: Parts, resolved: ResolvedConfig, opened: Opened): void {
  for (const settings of resolved.exporter.push) {
    const target = { job: 'ridgepoint-coordinator', instance: hostname() };
    const pusher = new Pusher(settings, target, (sentence) => logger.warn(sentence));
    pusher.start(() => exporter.pushed());
    opened.closedBy(() => pusher.stop());
  }
}

/** Lets leases run out, forgets nodes that are gone, and tries a log that took nothing. */
export function keepTime(
  parts: Parts,
  { forgetSeconds, leaseSeconds }: ResolvedConfig,
  opened: Opened,
): void {
  const { registry, dispatcher, exporter, clock, logger, inform } = parts;
  const tick = (): void => {
    registry.prune(dispatcher.state.leases);
    for (const sentence of registry.closeRefused()) logger.warn(sentence);
    const gone = dispatcher.leadership.leads ? registry.forget(dispatcher.state.nodes) : [];
    for (const node of gone) {
      exporter.forget(node);
      inform(`${node} has been away for more than ${forgetSeconds} s and is forgotten`);
    }
    const { crowded } = registry;
    dispatcher
      .dispatch({ event: 'tick', now: clock.now(), at: clock.isoTime(), crowded })
      .catch((error: unknown) => {
        // That the log refuses writes was reported when it began.
        if (dispatcher.logHealth.failure === null) logger.error((error as Error).message);
      });
    void dispatcher.tryLog();
    if (exporter.isRestored) void dispatcher.keepSnapshot();
  };
  const ticking = setInterval(tick, 1000 * Math.min(TICK_SECONDS, leaseSeconds / 4));
  opened.closedBy(async () => clearInterval(ticking));
  const over = new AbortController();
  opened.closedBy(async () => over.abort());
  void (async () => {
    while (!over.signal.aborted) {
      await clock.wait(FOLLOW_SECONDS, over.signal);
      if (!over.signal.aborted) await dispatcher.catchUp().catch(() => undefined);
    }
  })();
}

/** Leads whenever nobody else does, until it is closed. @returns once it leads, or knows who does. */
export async function lead(
  parts: Parts,
  { advertise, advertiseWeb, leaderSeconds: seconds }: ResolvedConfig,
  served: Served,
  opened: Opened,
): Promise<void> {
  const { log, logger, clock: timer, inform, registry, dispatcher } = parts;
  const { leadership } = dispatcher;
  const leader: Leader = {
    holder: randomBytes(8).toString('hex'),
    grpc: advertise ?? served.grpcAddress,
    web: advertiseWeb ?? served.webUrl,
  };
  const closed = new AbortController();
  const standing = new EventEmitter<{ known: [] }>();
  const known = once(standing, 'known', { signal: closed.signal });
  const { first, all } = seekLeadership({
    log,
    dispatcher,
    registry,
    timer,
    leader,
    seconds,
    waiting: {
      signal: closed.signal,
      onLeader: (other) => {
        leadership.learnLeader(other);
        if (other !== null) standing.emit('known');
      },
      unheard: (reason) => leadership.unheard(toFailure(reason)),
    },
    took: () => {
      inform(`leads from entry ${dispatcher.position} on`);
      standing.emit('known');
    },
    ended: (why) => logger.warn(why),
  });
  opened.closedBy(async () => {
    closed.abort(new Error('the coordinator is closed'));
    await dispatcher.resign().catch(() => undefined);
    await all;
  });
  // A log that cannot be led at all ends the start with its sentence.
  await Promise.race([known.catch(() => undefined), first]);
}
