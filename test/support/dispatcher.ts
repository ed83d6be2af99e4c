import { Dispatcher } from '../../coordinator/dispatcher.js';

type Opening = Parameters<typeof Dispatcher.open>[0];

/** A dispatcher that nobody listens to, on a clock that stands still unless another is given. */
export function openDispatcher(opening: Pick<Opening, 'log'> & Partial<Opening>): Promise<Dispatcher> {
  return Dispatcher.open({
    clock: { now: () => 0, at: () => '2025-01-01T00:00:00Z' },
    options: {
      leaseSeconds: 30,
      lostSeconds: 60,
      forgetSeconds: 86_400,
      fixedFleet: false,
      incarnation: `i${Math.random()}`,
    },
    push: () => undefined,
    recorded: () => undefined,
    warn: () => undefined,
    ...opening,
  });
}
