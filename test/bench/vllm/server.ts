import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';
import { commandLine } from '../../../engines/servers/command.js';
import { type ConfiguredServer, configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { type Served, ServerPool, type Wanted } from '../../../engines/servers/pool.js';
import { modelPath } from '../../models/loading.js';
import { RIDGE } from '../../support/ridge.js';

/** Where the bench keeps its model, its sweeps and what came of its parts, and which vLLM it asks. */
export interface Place {
  readonly folder: string;
  /** The program. */
  readonly vllm: string;
}

/** What a node's configuration says of it: float32 and a small cache, for this is a CPU. */
export const entryOf = ({ vllm }: Place) => ({
  command: [vllm],
  environment: { VLLM_CPU_KVCACHE_SPACE: '1' },
  // Of several tests beside it a start takes long.
  change: { readiness: { path: '/health', seconds: 3600 } },
});

/** Options of every point. */
export const OPTIONS = { dataType: 'float32', cudaGraphs: false, maxContext: 512, maxSequences: 4 } as const;

/** @returns the folder of safetensors of the shipped model, made once. */
export function modelFolder({ folder }: Place): string {
  const made = join(folder, 'models/small');
  if (!existsSync(join(made, 'config.json'))) {
    mkdirSync(dirname(made), { recursive: true });
    const words = ['models', 'convert', 'builtin:small', '--to', 'safetensors', '--out', made];
    execFileSync(process.execPath, [RIDGE, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return made;
}

export async function tokenizerOf(): Promise<Tokenizer> {
  return (await openTokenizer(modelPath('small')))!;
}

export interface Lora {
  readonly name: string;
  readonly path: string;
}

/** What an agent would want of vLLM at a point with these options. */
export function wantedOf(
  place: Place,
  options: Readonly<Record<string, unknown>>,
  loras: readonly Lora[] = [],
): Wanted {
  const server: ConfiguredServer = configuredServers(serversSchema.parse({ vllm: entryOf(place) }))[0]!;
  const { profile, environment } = server;
  return {
    request: {
      name: server.name,
      command: commandLine(server, {
        options: { ...OPTIONS, ...options },
        modelPath: modelFolder(place),
        modelName: 'small',
        adapters: [],
        loras,
        draftPath: null,
        cpus: 1,
        deviceClass: 'cpu',
      }),
      environment: { ...profile.environment, ...environment, CUDA_VISIBLE_DEVICES: '' },
      profile,
      model: 'small',
      apiKey: null,
      deviceId: 'cpu0',
    },
    block: 'bench',
    cpus: [],
    memoryLimitBytes: null,
    cgroupFolder: null,
  };
}

/** Lends a vLLM that Ridgepoint started. */
export async function withVllm<T>(wanted: Wanted, use: (served: Served) => Promise<T>): Promise<T> {
  const pool = new ServerPool();
  console.log(`starting ${wanted.request.command.join(' ')}`);
  try {
    const served = await pool.take('cpu0', wanted, () => {});
    console.log(`ready after ${served.startSeconds.toFixed(0)} s at ${served.url}`);
    return await Promise.race([use(served), served.died]);
  } finally {
    await pool.close();
  }
}
