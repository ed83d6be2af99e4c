// Loaded into a coordinator before everything else: on SIGUSR2 it collects garbage and prints its live heap
// on stderr.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    collect();
    // What finalizers let go of is only free after another turn.
    setImmediate(() => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      process.stderr.write(`live heap ${heapUsed + external} bytes\n`);
    });
  });
}
