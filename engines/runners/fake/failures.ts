import { failed } from '../../../core/errors.js';
import type { FakeOptions } from './options.js';

const ALLOCATION_BYTES = 16 * 2 ** 20;
/** Where no limit stops it, it stops itself: it must not take the machine down. */
const ALLOCATION_LIMIT_BYTES = 4 * 2 ** 30;

/** What an engine does with a file it cannot read. */
export function failToLoad(): never {
  throw failed(
    'load-failed',
    'the fake model could not be loaded, as fakeFailure asked',
    'Set fakeFailure to none.',
  );
}

/** Fails the way native code does; returns only for `none` and `load`. */
export function failWhileRunning(kind: FakeOptions['fakeFailure']): void {
  switch (kind) {
    case 'none':
    case 'load':
      return;
    case 'crash':
      process.stderr.write('fake: about to write through a null pointer\n');
      process.kill(process.pid, 'SIGSEGV');
      sleepForEver();
      return;
    case 'abort':
      process.stderr.write('fake: assertion failed: fakeFailure != abort\n');
      process.abort();
      return;
    case 'hang':
      sleepForEver();
      return;
    case 'memory':
      allocateForEver();
      return;
    default:
      kind satisfies never;
  }
}

/** Blocks the event loop as a stuck kernel would, without using the CPU. */
function sleepForEver(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function allocateForEver(): void {
  const held: Buffer[] = [];
  while (held.length * ALLOCATION_BYTES < ALLOCATION_LIMIT_BYTES) {
    // Filled, since pages count only once they are touched.
    held.push(Buffer.alloc(ALLOCATION_BYTES, 1));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  throw failed('out-of-memory', 'the fake model took 4 GiB and nothing stopped it, so it stopped itself');
}
