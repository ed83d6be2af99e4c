import { join } from 'node:path';
import { builtinFolder } from '../../artifacts/files/source.js';
import { commandLine } from '../../engines/servers/command.js';
import { configuredServers, serversSchema } from '../../engines/servers/config.js';
import { ServerPool, type Wanted } from '../../engines/servers/pool.js';

/** What a trial would want of test/fixtures/bad-server.mjs in one of its modes. */
export function serverWanted(mode: string, file = '', more: Partial<Wanted['request']> = {}): Wanted {
  return {
    block: 's1/0',
    request: {
      name: mode,
      command: [
        process.execPath,
        join(import.meta.dirname, '../fixtures/bad-server.mjs'),
        mode,
        '{port}',
        file,
      ],
      environment: {},
      profile: {
        readiness: { path: '/health', seconds: 20 },
        shutdown: { seconds: 5 },
        paths: {
          chat: '/v1/chat/completions',
          completions: '/v1/completions',
          models: '/v1/models',
          metrics: null,
        },
        log: { weightsLoadSeconds: 'Loading weights took ([0-9.]+) seconds' },
      },
      model: null,
      apiKey: null,
      deviceId: 'cpu0',
      ...more,
    },
    cpus: [],
    memoryLimitBytes: null,
    cgroupFolder: null,
  };
}

/**
 * Lends a llama-server with builtin:small that a program of that name runs, with four places and its prefix
 * cache on.
 */
export async function withLlamaServer<T>(program: string, use: (url: string) => Promise<T>): Promise<T> {
  const entries = serversSchema.parse({ 'llama-server': { command: [program] } });
  const server = configuredServers(entries).find(({ name }) => name === 'llama-server')!;
  const command = commandLine(server, {
    options: { threads: 1, maxSequences: 4, maxContext: 512 },
    modelPath: join(builtinFolder(), 'small-f16.gguf'),
    modelName: 'small',
    adapters: [],
    loras: [],
    draftPath: null,
    cpus: 1,
    deviceClass: 'cpu',
  });
  const pool = new ServerPool();
  try {
    const { url } = await pool.take('cpu0', serverWanted('llama', '', { command }), () => {});
    return await use(url);
  } finally {
    await pool.close();
  }
}
