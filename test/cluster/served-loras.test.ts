import { join } from 'node:path';
import { expect, test } from 'vitest';
import { choosingLoras } from '../../agent/workloads/lora-requests.js';
import { builtinFolder } from '../../artifacts/files/source.js';
import { commandLine } from '../../engines/servers/command.js';
import { configuredServers, serversSchema } from '../../engines/servers/config.js';
import { ServerPool } from '../../engines/servers/pool.js';
import { withoutLora } from '../../engines/servers/served.js';
import { runLoad } from '../../load/run-load.js';
import { serverWanted } from '../support/servers.js';
import { endpointOf, plain } from '../support/simulator.js';

/** A real one; where it is not named the test is skipped. */
const llamaServer = process.env.RIDGEPOINT_LLAMA_SERVER;
const NAMES = ['r4', 'r16'];

test.skipIf(llamaServer === undefined)(
  'every request to llama-server is answered by the adapter that it chose, and by the model as it is without one (needs llama-server)',
  async () => {
    const entries = serversSchema.parse({ 'llama-server': { command: [llamaServer] } });
    const server = configuredServers(entries).find(({ name }) => name === 'llama-server')!;
    const command = commandLine(server, {
      options: { threads: 1, maxSequences: 1, maxContext: 512 },
      modelPath: join(builtinFolder(), 'small-f16.gguf'),
      modelName: 'small',
      adapters: [],
      loras: NAMES.map((name) => ({
        name,
        path: join(builtinFolder(), `adapters/small-pgdoc-${name}.gguf`),
      })),
      draftPath: null,
      cpus: 1,
      deviceClass: 'cpu',
    });
    const pool = new ServerPool();
    try {
      const { url } = await pool.take('cpu0', serverWanted('llama', '', { command }), () => {});
      const served = {
        name: 'llama',
        url,
        model: 'small',
        loras: NAMES,
        apiKey: null,
        pid: null,
        kept: false,
        startSeconds: null,
        weightsLoadSeconds: null,
        profile: server.profile,
      };
      const make = (count: number) => Array.from({ length: count }, () => plain('The table', 12));
      const answers = new Map<string | null, Set<string>>();
      await runLoad({
        endpoint: endpointOf(url, { model: 'small', body: { temperature: 0, ...withoutLora(served) } }),
        requests: choosingLoras(make, 'r4:1,r16:1,base:1', served)(24, 5),
        arrival: { kind: 'closed', concurrency: 1 },
        seed: 1,
        maxSeconds: null,
        maxRequests: null,
        onRequest({ planned: { lora = null }, chunks }) {
          const said = answers.get(lora) ?? new Set();
          answers.set(lora, said.add(chunks.map(({ text }) => text).join('')));
        },
      });
      const texts = [null, ...NAMES].map((name) => [...(answers.get(name) ?? [])]);
      for (const one of texts) expect(one).toHaveLength(1);
      expect(new Set(texts.flat()).size).toBe(3);
    } finally {
      await pool.close();
    }
  },
  180_000,
);
