import { type CoresFound, openCores, type ReadCores } from '../../engines/native/cores.js';
import type { Channel } from '../../process/isolation/channel.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import type { TrialReport, TrialRequest } from './job.js';

/** Between two threads of one core a cache line goes to and fro in about half the time that it takes between two cores. */
const ONE_CORE = 0.75;
/**
 * A host may put CPUs that wake up on one core until it has seen, some milliseconds later, that both are busy; so it is with those that a trial
 * of one thread left idle. That says nothing of the repeat, so they are asked again, each time for a millisecond or two. Somebody else's use of a core is
 * told as it is seen first: who looks until he is gone never sees him.
 */
const READS = 5;

/**
 * @param open what opens our library; a test gives its own.
 * @returns what asks the cores under a trial's CPUs and tells the parent how they lie now; it asks nothing where the request says so.
 */
export async function trialCores(
  { cpus, usualLatencies }: Pick<TrialRequest, 'cpus' | 'usualLatencies'>,
  channel: Pick<Channel<TrialReport>, 'send'>,
  open: () => Promise<ReadCores> = openCores,
): Promise<() => void> {
  if (usualLatencies === undefined) return () => {};
  // A library that does not open is told of by whatever else needs it.
  const ask = await open().catch(() => () => null);
  const onOneCore = ({ latencies }: CoresFound) =>
    latencies.some((latency, i) => latency < ONE_CORE * (usualLatencies[i] ?? 0));
  return () => {
    let found = ask(cpus);
    for (let reads = 1; reads < READS && found !== null && onOneCore(found); reads++) found = ask(cpus);
    if (found !== null) channel.send({ type: 'cores', seconds: monotonicSeconds(), ...found });
  };
}
