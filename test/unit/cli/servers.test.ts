import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { optionsOf } from '../../../cli/engines/options.js';
import { placementWarnings } from '../../../cli/plan/places.js';
import { plannedServers, serversText } from '../../../cli/plan/servers.js';
import { RUNNERS } from '../../../core/runners/index.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { findServers } from '../../../engines/servers/find.js';
import { sharedFolder } from '../../support/folder.js';
import { withSimulator } from '../../support/simulator.js';
import { file, sweepOf } from '../sweep/documents.js';

const folder = sharedFolder();
const configured = (entries: object) => configuredServers(serversSchema.parse(entries));

function programThatSays(text: string, name = 'server'): string {
  const path = join(folder, `${name}-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, `#!/bin/sh\necho '${text}'\n`);
  chmodSync(path, 0o755);
  return path;
}

const [base] = [experimentAt(planSpace(sweepOf(file({ models: 'builtin:small' }))), 0)];

function experiment(
  kind: string,
  options: Record<string, string | number | boolean | null>,
  promptTokens = 64,
) {
  const { workload } = base;
  return {
    ...base,
    id: `${kind} ${JSON.stringify(options)} ${promptTokens}`,
    device: 'cuda',
    runner: { kind, options },
    workload: { ...workload, options: { ...workload.options, promptTokens } },
  };
}

describe('options of runners', () => {
  test.each(RUNNERS.map(({ kind }) => kind))('%s: each has a type and says what it is', (kind) => {
    const options = optionsOf(kind);
    expect(options.filter(({ type, description }) => type === '' || description === '')).toEqual([]);
    expect(options.filter(({ type }) => type.includes('undefined'))).toEqual([]);
  });

  test('have the words that a server knows, and the bounds of numbers', () => {
    const of = (kind: string, name: string) => optionsOf(kind).find(({ option }) => option === name);
    expect(of('vllm', 'kvCacheType')?.values).toContain('fp8');
    expect(of('sglang', 'speculative')?.values).toEqual(['off', 'draft', 'ngram', 'eagle3', 'mtp']);
    expect(of('tgi', 'speculative')?.values).toEqual(['off', 'ngram']);
    expect(of('vllm', 'draftModel')).toMatchObject({ type: 'word', values: null });
    expect(of('vllm', 'memoryShare')).toMatchObject({ type: 'number above 0 to 1', default: null });
    expect(of('llama-server', 'gpuLayers')).toMatchObject({ type: 'integer 0 to 10000', values: ['all'] });
    expect(of('vllm', 'prefixCaching')).toMatchObject({ type: 'boolean', values: null });
  });

  test('of a runner that there is not name those that there are', () => {
    expect(() => optionsOf('vlm')).toThrow('there is no runner vlm');
  });
});

describe('servers of a node', () => {
  test('are found by what their program says, or missed with the reason', async () => {
    const entries = configured({
      vllm: { command: [programThatSays('0.33.0')] },
      'llama-server': { command: [programThatSays('version: 7421 (abc1234)')] },
      sglang: { command: ['no-such-program'] },
      mute: { profile: 'tgi', command: [programThatSays('hello')] },
    });
    const found = await findServers(entries);
    expect(found.map(({ server, release, problem }) => [server.name, release ?? problem])).toEqual([
      ['vllm', 'vllm 0.33.0'],
      ['llama-server', 'llama-server 7421 (abc1234)'],
      ['sglang', 'there is no program no-such-program'],
      ['mute', expect.stringMatching(/^.*does not tell its version: it says nothing$/)],
      ['simulated-server', expect.stringMatching(/^simulated-server \d/)],
      ['tensorrt-llm', 'there is no program trtllm-serve'],
    ]);
  });

  test('that run already say their release, where their profile knows how', async () => {
    await withSimulator({ speaks: 'vLLM' }, async ({ url: attach }) => {
      const found = await findServers(
        configured({ theirs: { profile: 'vllm', attach }, any: { profile: 'openai', attach } }).slice(0, 2),
      );
      expect(found.map(({ release }) => release)).toEqual([
        `vllm 0.32.0 at ${attach}`,
        `openai at ${attach}`,
      ]);
    });
  });

  test('that run elsewhere are missed where nothing answers, or their key cannot be read', async () => {
    const missing = join(folder, 'no-key');
    const found = await findServers(
      configured({
        far: { profile: 'openai', attach: 'http://127.0.0.1:9' },
        locked: { profile: 'openai', attach: 'http://127.0.0.1:9', apiKeyFile: missing },
      }).slice(0, 2),
    );
    expect(found.map(({ problem }) => problem)).toEqual([
      'nothing answers at http://127.0.0.1:9/v1/models: nobody listens there (ECONNREFUSED)',
      `servers.locked: cannot read ${missing}: there is no such file`,
    ]);
  });
});

describe('a plan of points that ask servers', () => {
  const settings = { modelFolders: [folder], cacheFolder: join(folder, 'cache') };
  const none = { devices: [] };

  test('has each command line once, however the load varies', () => {
    mkdirSync(join(folder, 'm'), { recursive: true });
    const model = { ...base.model, name: 'm', source: join(folder, 'm') };
    const points = [1, 2, 3].flatMap((tokens) =>
      [1, 2].map((tensorParallel) => ({
        ...experiment('vllm', { tensorParallel, kvCacheType: 'fp8', maxContext: null }, tokens),
        model,
      })),
    );
    const planned = plannedServers(points, configured({}), none, settings);
    expect(planned.map(({ experiments }) => experiments)).toEqual([3, 3]);
    expect(serversText(planned, 1).split('\n')).toEqual([
      'servers, and what would start them:',
      `  3 by vllm: vllm serve ${join(folder, 'm')} --host 127.0.0.1 --port '{port}' --served-model-name m --disable-uvicorn-access-log --enable-prompt-tokens-details --kv-cache-dtype fp8 --tensor-parallel-size 1`,
      '  … and 1 more; --limit shows them',
    ]);
  });

  test.each([
    ['vllm-h100', 20, 9],
    ['sglang', 9, 5],
  ] as const)('docs/examples/%s.yaml starts %i servers for %i loads each', (name, count, loads) => {
    const parsed = parseSweep(
      readFileSync(join(import.meta.dirname, `../../../docs/examples/${name}.yaml`), 'utf8'),
    );
    if (!parsed.ok) throw new Error(name);
    const space = planSpace(parsed.sweep);
    const points = Array.from({ length: space.count }, (_, position) => experimentAt(space, position));
    const planned = plannedServers(points, configured({}), none, settings);
    expect(planned.map(({ experiments }) => experiments)).toEqual(Array.from({ length: count }, () => loads));
    expect(planned.every(({ command }) => command?.includes('Llama-3.1-8B-Instruct'))).toBe(true);
  });

  test('takes the server that a point names, with what the node says of it', () => {
    const servers = configured({
      one: { profile: 'vllm', command: ['/opt/my vllm/bin/vllm'], arguments: ['--seed', '1'] },
      two: { profile: 'vllm', attach: 'http://gpu7:8000' },
    });
    const points = [experiment('vllm', { server: 'one' }), experiment('vllm', { server: 'two' })];
    const text = serversText(plannedServers(points, servers, none, settings), 9);
    expect(text).toContain(`1 by one: '/opt/my vllm/bin/vllm' serve `);
    expect(text).toMatch(/--seed 1$/m);
    expect(text).toContain('1 by two: runs at http://gpu7:8000');
  });

  test('says where a point asks for more GPUs than the server sees', () => {
    const points = [experiment('vllm', { tensorParallel: 2, pipelineParallel: 2 })];
    // Of those that its entry names; without, it sees what the lease has, as many as the point takes.
    const two = configured({ vllm: { devices: ['0', '1'] } });
    expect(plannedServers(points, two, none, settings)[0]?.problem).toBe(
      '4 GPUs are asked for and the server vllm sees 2: name them in servers.vllm.devices',
    );
    expect(plannedServers(points, configured({}), none, settings)[0]?.problem).toBeNull();
    const four = configured({ vllm: { devices: ['0', '1', '2', '3'] } });
    expect(plannedServers(points, four, none, settings)[0]?.problem).toBeNull();
    const far = configured({ vllm: { attach: 'http://gpu7:8000' } });
    expect(plannedServers(points, far, none, settings)[0]?.problem).toBeNull();
  });

  test('says nothing of runners that are no servers', () => {
    expect(serversText(plannedServers([base], configured({}), none, settings), 9)).toBe('');
  });

  test('says in one sentence that a server is not here', () => {
    const { warnings } = placementWarnings(
      [experiment('vllm', {}), experiment('vllm', { maxSequences: 4 })],
      {
        nodes: [],
        unselected: null,
        name: 'this machine',
        saySettable: false,
        missingServers: new Map([['vllm', 'there is no program vllm']]),
      },
    );
    expect(warnings).toEqual([
      {
        code: 'engine-missing',
        message: 'this machine has no server vllm: there is no program vllm',
        experiments: 2,
        blocks: true,
        notHere: false,
      },
    ]);
  });
});
