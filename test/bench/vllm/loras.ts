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

/**
 * Every request is answered by the adapter that it chose, also beside others in a batch: each text is that of
 * asking alone. The model as it is has a line of its own: vLLM's path for CPUs computes rows without an
 * adapter with the last one that is loaded where a batch has both (vllm-project/vllm pull request 48421),
 * whoever asks.
 */
export async function loras(place: Place): Promise<Figure[]> {
  const wanted = wantedOf(place, { maxLoras: 2 }, adapters(place));
  return await withVllm(wanted, async ({ url }) => {
    const { profile } = configuredServers(serversSchema.parse({ vllm: entryOf(place) }))[0]!;
    const served = {
      name: 'vllm',
      url,
      model: 'small',
      loras: NAMES,
      apiKey: null,
      pid: null,
      kept: false,
      startSeconds: null,
      weightsLoadSeconds: null,
      profile,
    };
    const make = (count: number) => Array.from({ length: count }, () => plain('The table', 24));
    const endpoint = endpointOf(url, {
      model: 'small',
      body: { temperature: 0, ...profile.exactLength },
      timeoutSeconds: 600,
    });
    const ask = async (shares: string, requests: number, concurrency: number) => {
      const said = new Map<string, string[]>();
      await runLoad({
        endpoint,
        requests: choosingLoras(make, shares, served)(requests, 5),
        arrival: { kind: 'closed', concurrency },
        seed: 1,
        maxSeconds: null,
        maxRequests: null,
        onRequest({ planned: { lora }, chunks }) {
          const name = lora ?? 'base';
          said.set(name, [...(said.get(name) ?? []), chunks.map(({ text }) => text).join('')]);
        },
      });
      return said;
    };
    const alone = new Map<string, string>();
    for (const name of [...NAMES, 'base']) {
      const texts = new Set((await ask(`${name}:1`, 3, 1)).get(name));
      if (texts.size !== 1)
        throw new Error(`${name} says ${texts.size} different texts when it is asked alone`);
      alone.set(name, [...texts][0]!);
      console.log(`  ${name}, alone: ${alone.get(name)}`);
    }
    const beside = await ask('r4:1,r16:1,base:1', 48, 3);
    const count = (names: readonly string[]) => {
      const texts = names.flatMap((name) => (beside.get(name) ?? []).map((text) => text === alone.get(name)));
      return { asked: texts.length, right: texts.filter((same) => same).length };
    };
    const own = count(NAMES);
    const base = count(['base']);
    const different = new Set(alone.values()).size;
    return [
      {
        claim:
          'requests that name one of two adapters, three at a time beside the model as it is: the text of that adapter alone',
        measured: `${own.right} of ${own.asked}; ${different} different texts of 3 models`,
        required: 'all, 3 different texts',
        holds: own.asked > 0 && own.right === own.asked && different === 3,
      },
      {
        claim: 'requests of the model as it is beside those of adapters: the text that it says alone',
        measured: `${base.right} of ${base.asked}`,
        required: 'all',
        holds: base.asked > 0 && base.right === base.asked,
      },
    ];
  });
}
