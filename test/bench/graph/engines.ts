import { PROFILES, type ServerKindName } from '../../../core/runners/server/index.js';
import { loadRunner } from '../../../engines/runners/index.js';
import { open } from '../../../engines/runners/runner.js';
import { commandLine } from '../../../engines/servers/command.js';
import { commandOf, configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { ServerPool, type Wanted } from '../../../engines/servers/pool.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import { findProgram } from '../../../process/isolation/start-tools.js';
import { entryOf, modelFolder, OPTIONS, type Place } from '../vllm/server.js';
import type { OpenEngine } from './run.js';

/** An engine that the bench can have; null = it is not here. */
export type Engine = {
  readonly name: string;
  readonly use: <T>(of: (open: OpenEngine) => Promise<T>) => Promise<T>;
};

const PLACE = { options: {}, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] } as const;

/** llama.cpp in this process. */
export function inProcess(modelPath: string, threads: number): Engine {
  return {
    name: 'llama.cpp in process',
    use: async (of) =>
      await of(async (demands) =>
        open(await loadRunner('llama-cpp'), 'completions', {
          ...PLACE,
          options: { threads },
          modelPath,
          served: null,
          ...demands,
        }),
      ),
  };
}

/**
 * llama-server, on the PATH or built here, without its cache of prompts in memory: what is shared is shared
 * by slots.
 */
export function llamaServer(modelPath: string, threads: number): Engine | null {
  const [program = ''] =
    process.env.RIDGEPOINT_LLAMA_SERVER?.split(' ') ?? commandOf(PROFILES['llama-server']);
  if (findProgram(program, process.env.PATH) === null) return null;
  const entry = { command: [program], arguments: ['--cache-ram', '0', '--no-warmup'] };
  const options = { threads, maxSequences: 4, maxContext: 2048, prefixCaching: true };
  return served('llama-server', entry, options, modelPath);
}

/** vLLM in float32, which RIDGEPOINT_VLLM names, with the shipped model: it loads folders. */
export function vllm(folder: string): Engine | null {
  const program = process.env.RIDGEPOINT_VLLM;
  if (program === undefined || findProgram(program, process.env.PATH) === null) return null;
  const place: Place = { folder, vllm: program };
  return served('vllm', entryOf(place), { ...OPTIONS, prefixCaching: true }, modelFolder(place));
}

function served(
  kind: ServerKindName,
  entry: object,
  options: Readonly<Record<string, string | number | boolean>>,
  modelPath: string,
): Engine {
  const server = configuredServers(serversSchema.parse({ [kind]: entry }))[0]!;
  const { profile, environment } = server;
  const wanted: Wanted = {
    request: {
      name: server.name,
      command: commandLine(server, {
        options,
        modelPath,
        modelName: 'model',
        adapters: [],
        loras: [],
        draftPath: null,
        cpus: 1,
        deviceClass: 'cpu',
      }),
      environment: { ...profile.environment, ...environment, CUDA_VISIBLE_DEVICES: '' },
      profile,
      model: 'model',
      apiKey: null,
      deviceId: 'cpu0',
    },
    block: 'bench',
    cpus: [],
    memoryLimitBytes: null,
    cgroupFolder: null,
  };
  return {
    name: kind,
    async use(of) {
      const pool = new ServerPool();
      console.log(`starting ${wanted.request.command.join(' ')}`);
      try {
        const { url, model, pid, startSeconds, weightsLoadSeconds, kept, died } = await pool.take(
          'cpu0',
          wanted,
          () => {},
        );
        const endpoint: ServedEndpoint = {
          name: server.name,
          url,
          profile,
          model,
          loras: [],
          apiKey: null,
          pid,
          startSeconds,
          weightsLoadSeconds,
          kept,
        };
        const runner = await loadRunner(kind);
        const asking = of((demands) =>
          open(runner, 'completions', { ...PLACE, modelPath: null, served: endpoint, ...demands }),
        );
        return await Promise.race([asking, died]);
      } finally {
        await pool.close();
      }
    },
  };
}
