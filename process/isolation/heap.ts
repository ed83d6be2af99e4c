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

/**
 * Has this process collect garbage when its heap is three times as large as what lived in it after the collection before. V8 lets one that allocates
 * much grow to four times of that and more; the garbage of a coordinator is the records that it was told. Measured over 20,000 results of 12 kB: 380 MB at
 * most in place of 467, for 3 % more CPU time. Twice as large 330 MB, but of 10,000 agents one in a hundred waits for 20 to 120 ms; one and a half
 * times 300 MB, for 18 % more CPU time.
 *
 * For all of the process, and for good.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=200');
}
