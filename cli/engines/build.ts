import { toFailure } from '../../core/errors.js';
import { PROFILES } from '../../core/runners/server/index.js';
import type { ServerProfile } from '../../core/runners/server/profile.js';
import {
  buildCpuEngine,
  buildProgram,
  buildRpc,
  buildRpcServer,
} from '../../engines/native/engines/build.js';
import { fromFailure } from '../exit.js';
import { printData, say } from '../output/print.js';

/** The one server whose sources come with the engine. */
const [SERVER] = Object.values(PROFILES).flatMap(({ name, built }: ServerProfile) =>
  built === null ? [] : [{ name, program: built }],
);

/** What `ridge engines build` can compile, with what is next. */
const TARGETS = {
  backend: {
    build: buildCpuEngine,
    next: 'use it with `cpuBackend: native`, or [shipped, native] to compare',
  },
  server: {
    build: (options: Parameters<typeof buildCpuEngine>[0]) => buildProgram(SERVER!.program, options),
    next: `the runner ${SERVER!.name} takes it where none is on the PATH`,
  },
  rpc: {
    build: buildRpc,
    next: 'name servers under rpc.servers in the agent’s configuration, and in sweeps by `rpcServers` (docs/rpc.md)',
  },
  'rpc-server': {
    build: buildRpcServer,
    next: 'start it on the machine whose devices it gives; nothing protects it, so keep it to loopback or a network of your own (docs/rpc.md)',
  },
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
