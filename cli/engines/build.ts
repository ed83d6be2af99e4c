import { buildCpuEngine } from '../../agent/native/engines/build.js';
import { toFailure } from '../../core/errors.js';
import { fromFailure } from '../exit.js';
import { printData, say } from '../output/print.js';

/** `ridge engines build`: compiles the CPU backend for this very machine; its path goes to stdout. */
export async function buildEngine(): Promise<void> {
  try {
    const { path, seconds } = await buildCpuEngine({ onLine: say });
    printData(path);
    say(
      `built in ${seconds.toFixed(0)} s; use it with \`cpuBackend: native\`, or [shipped, native] to compare`,
    );
  } catch (error) {
    throw fromFailure(toFailure(error));
  }
}
