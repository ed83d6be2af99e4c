import type { PinSweepRequest, PinSweepResponse } from '../../proto/gen/ridgepoint/v1/control.js';
import type { Asker, ControlApi } from './control.js';
import { reasonOf } from './reason.js';
import { resultsNamed } from './visible.js';

/**
 * Pins a sweep, so that it is not deleted, or takes that back. The reason given last stands.
 * @throws WireError `not-found`, also for a sweep that was deleted meanwhile.
 */
export async function pinSweep(
  { dispatcher, clock, audit }: ControlApi,
  { sweepId, reason, unpin }: PinSweepRequest,
  by: Asker,
): Promise<PinSweepResponse> {
  resultsNamed(dispatcher, sweepId, by.who);
  const word = unpin ? 'unpin' : 'pin';
  const why = reasonOf(reason, `${word}ned`, by);
  const before = dispatcher.position;
  await dispatcher.dispatch({ event: `${word}-requested`, at: clock.isoTime(), sweepId, reason: why });
  resultsNamed(dispatcher, sweepId, by.who);
  audit.did(word, by, { sweepId, reason: why });
  return { unchanged: dispatcher.position === before };
}
