import { join } from 'node:path';
import type { Wanted } from '../../engines/servers/pool.js';

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
