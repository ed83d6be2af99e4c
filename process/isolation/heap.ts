import { setFlagsFromString } from 'node:v8';

/**
 * Has this process collect garbage when memory is needed, and not when there is time. V8 takes a process that allocates little for an idle
 * one, and then marks its whole heap with a thread on every CPU: some seconds after trials began, which are just what an agent waits for. On two
 * CPUs that took about 1 % of what was measured meanwhile (docs/method.md). Collections get rarer and no longer; each is done at once,
 * some tens of milliseconds for the heap of an agent.
 *
 * For all of the process, and for good. `--no-memory-reducer` would say it more plainly, but Node's main thread reads that only at its
 * start, and a command of a package starts without flags.
 */
export function collectOnlyWhenNeeded(): void {
  setFlagsFromString('--no-incremental-marking');
}
