import { buildCpuEngine, buildLlamaServer } from '../../agent/native/engines/build.js';
import { toFailure } from '../../core/errors.js';
import { fromFailure } from '../exit.js';
import { printData, say } from '../output/print.js';

/** What `ridge engines build` can compile, with what is next. */
const TARGETS = {
  backend: {
    build: buildCpuEngine,
    next: 'use it with `cpuBackend: native`, or [shipped, native] to compare',
  },
  server: { build: buildLlamaServer, next: 'the runner llama-server takes it where none is on the PATH' },
} as const;
export type BuildTarget = keyof typeof TARGETS;

/** `ridge engines build`: compiles a part of llama.cpp for this very machine; its path goes to stdout. */
export async function buildEngine(target: BuildTarget): Promise<void> {
  const { build, next } = TARGETS[target];
  try {
    const { path, seconds } = await build({ onLine: say });
    printData(path);
    say(`built in ${seconds.toFixed(0)} s; ${next}`);
  } catch (error) {
    throw fromFailure(toFailure(error));
  }
}
