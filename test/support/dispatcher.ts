import { Dispatcher } from '../../coordinator/dispatcher.js';
import { readSweep } from '../../coordinator/sweeps.js';

type Opening = Parameters<typeof Dispatcher.open>[0];

/**
 * A dispatcher that leads and that nobody listens to, on a clock that stands still unless another is given.
 * It reads sweeps in place: a thread has to load `core` first.
 */
export async function openDispatcher(opening: Pick<Opening, 'log'> & Partial<Opening>): Promise<Dispatcher> {
  const dispatcher = await Dispatcher.open({
    clock: { now: () => 0, isoTime: () => '2025-01-01T00:00:00Z' },
    options: {
      leaseSeconds: 30,
      lostSeconds: 60,
      forgetSeconds: 86_400,
      fixedFleet: false,
      incarnation: `i${Math.random()}`,
    },
    sweeps: { read: async (document, models) => readSweep(document, models), close: async () => {} },
    push: () => undefined,
    recorded: () => undefined,
    warn: () => undefined,
    ...opening,
  });
  const leader = { holder: 'test', grpc: 'localhost:0', web: null };
  const waiting = { signal: new AbortController().signal, onLeader: () => undefined };
  await dispatcher.takeOver(await opening.log.lead({ ...leader, seconds: 3 }, waiting), leader);
  return dispatcher;
}
