import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { choosingLoras } from '../../../agent/workloads/lora-requests.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { runLoad } from '../../../load/run-load.js';
import { RIDGE } from '../../support/ridge.js';
import { endpointOf, plain } from '../../support/simulator.js';
import type { Figure } from '../figure.js';
import { entryOf, type Lora, type Place, wantedOf, withVllm } from './server.js';

const NAMES = ['r4', 'r16'];

/** The adapters that ship, as PEFT folders. */
function adapters({ folder }: Place): Lora[] {
  return NAMES.map((name) => {
    const path = join(folder, 'models', `pgdoc-${name}`);
    if (!existsSync(join(path, 'adapter_config.json'))) {
      const words = ['adapt', 'convert', `builtin:small-pgdoc-${name}`, path, '--model', 'builtin:small'];
      execFileSync(process.execPath, [RIDGE, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
    }
    return { name, path };
  });
}

/** Every request is answered by the adapter that it chose, also beside others in a batch, and by the model as it is without one. */
export async function loras(place: Place): Promise<Figure[]> {
  const wanted = wantedOf(place, { maxLoras: 2 }, adapters(place));
  return await withVllm(wanted, async ({ url }) => {
    const { profile } = configuredServers(serversSchema.parse({ vllm: entryOf(place) }))[0]!;
    const served = {
      ...{ name: 'vllm', url, model: 'small', loras: NAMES, apiKey: null, pid: null, kept: false },
      ...{ startSeconds: null, weightsLoadSeconds: null, profile },
    };
    const make = (count: number) => Array.from({ length: count }, () => plain('The table', 24));
    const said = new Map<string, Set<string>>();
    const { records } = await runLoad({
      endpoint: endpointOf(url, {
        model: 'small',
        body: { temperature: 0, ...profile.exactLength },
        timeoutSeconds: 600,
      }),
      requests: choosingLoras(make, 'r4:1,r16:1,base:1', served)(24, 5),
      ...{ arrival: { kind: 'closed', concurrency: 3 }, seed: 1, maxSeconds: null, maxRequests: null },
      onRequest({ planned: { lora }, chunks }) {
        const name = lora ?? 'base';
        said.set(name, (said.get(name) ?? new Set()).add(chunks.map(({ text }) => text).join('')));
      },
    });
    const complete = records.filter(({ outcome }) => outcome === 'complete').length;
    for (const [name, texts] of said) console.log(`  ${name}: ${[...texts].join(' | ')}`);
    const texts = [...said.values()].flatMap((one) => [...one]);
    return [
      {
        claim:
          'answers of two adapters and the model as it is, chosen by each of 24 requests, three at a time',
        measured: `${complete} answered, ${texts.length} different texts of ${said.size} models`,
        required: '24 answered, 3 texts of 3 models',
        holds: complete === 24 && texts.length === 3 && new Set(texts).size === 3 && said.size === 3,
      },
    ];
  });
}
