import { setFlagsFromString } from 'node:v8';

/**
 * Makes this process collect garbage when memory is needed, and not when there is time.
 *
 * V8 takes a process that allocates little for an idle one. It then marks the whole heap with a thread on
 * every CPU, some seconds after trials began: the very seconds that an agent waits for. On two CPUs that took
 * about 1 % of what was measured meanwhile (docs/method.md). With this, collections get rarer and no longer.
 * Each is done at once, in some tens of milliseconds for the heap of an agent.
 *
 * It holds for the whole process, and for good. `--no-memory-reducer` would say the same more plainly. But
 * Node's main thread reads that flag only at its start, and a command of a package starts without flags.
 */
export function collectOnlyWhenNeeded(): void {
  setFlagsFromString('--no-incremental-marking');
}

/**
 * Makes this process collect garbage when its heap is three times as large as what survived the collection
 * before.
 *
 * V8 lets a process that allocates much grow to four times that size and more. The garbage of a coordinator
 * is the records that it was sent. Measured over 20,000 results of 12 kB: 380 MB at most in place of 467, for
 * 3 % more CPU time. At twice the size it was 330 MB, but of 10,000 agents one in a hundred waits for 20 to
 * 120 ms; at one and a half times 300 MB, for 18 % more CPU time.
 *
 * It holds for the whole process, and for good.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=200');
}
