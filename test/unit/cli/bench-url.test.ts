import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BENCH_OPTIONS, flagsOf, LOAD_OPTIONS, spelledOut } from '../../../cli/bench/flags.js';
import { CommandError } from '../../../cli/exit.js';
import { sharedOverrides } from '../../../cli/node-config.js';
import { createProgram } from '../../../cli/program.js';
import { ALSO_KNOWN_AS } from '../../../core/sweep/fields.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import type { Sweep } from '../../../core/sweep/spec.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import type { simulatorOptions } from '../../../load/simulator/options.js';
import { type Page, withPages } from '../../support/answering.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';
import { withSimulator } from '../../support/simulator.js';

let folder: string;
let said: string[];
beforeEach(() => {
  folder = temporaryFolder();
  said = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const bench = async (...flags: string[]) =>
  await (await createProgram()).parseAsync(
    ['node', 'ridge', 'bench', ...flags].concat('--save', join(folder, 'sweep.yaml')),
  );

/**
 * The sweep that `ridge bench --url …` writes of a simulated server, and the entry that it names for a
 * configuration.
 */
async function loadOf(flags: string, options: Parameters<typeof simulatorOptions>[0] = {}) {
  return await withSimulator(options, async ({ url }) => {
    await bench('--url', url, ...flags.split(' ').filter((flag) => flag !== ''));
    const { sweep } = sound(parseSweep(readFileSync(join(folder, 'sweep.yaml'), 'utf8')));
    const { servers } = JSON.parse(/which has (\{.*\}) runs it/.exec(said.join(''))![1]!);
    const [server] = configuredServers(serversSchema.parse(servers));
    expect(server!.address).toBe(url);
    return { sweep, server: server! };
  });
}

const valuesOf = ({ workloads: [load] }: Sweep, ...names: string[]) =>
  names.map((name) => load!.axes.find((axis) => axis.name === name)?.values.join());

const refusal = async (...flags: string[]) => {
  const error = await bench(...flags).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  expect(existsSync(join(folder, 'sweep.yaml'))).toBe(false);
  const { message, hint, exitCode } = error as CommandError;
  return { text: `${message}\n${hint}`, exitCode };
};

describe('ridge bench --url makes a load of flags', () => {
  test('that users of vllm bench serve type, lists of which are axes', async () => {
    const { sweep } = await loadOf(
      '--backend vllm --dataset-name random --max-concurrency 1,2,4 --num-prompts 100 --random-input-len 128,512 --random-output-len=32 --num-warmups 2 --ignore-eos --disable-tqdm --save-result',
    );
    const names = ['arrival', 'concurrency', 'requests', 'inputTokens', 'outputTokens', 'warmupRequests'];
    expect(valuesOf(sweep, ...names)).toEqual(['closed', '1,2,4', '100', '128,512', '32', '2']);
    expect(valuesOf(sweep, 'api', 'exactLength')).toEqual(['completions', 'true']);
    expect(planSpace(sweep).count).toBe(6);
    expect(sweep.startsPolicy.starts).toBe(1);
    expect(said.join('')).toContain('--ignore-eos changes nothing here');
  });

  test.each([
    ['--request-rate 4', ['poisson', '4', '1']],
    ['--request-rate 4,8 --burstiness 0.5', ['gamma', '4,8', '0.5']],
    ['--request-rate inf', ['offline', '', '1']],
    ['--request-rate inf --max-concurrency 8', ['closed', '', '1']],
    ['--arrival constant --qps 2', ['constant', '2', '1']],
    ['', ['closed', '', '1']],
  ])('%s: a rate opens the loop', async (flags, expected) => {
    const { sweep } = await loadOf(flags);
    expect(valuesOf(sweep, 'arrival', 'requestsPerSecond', 'burstiness')).toEqual(expected);
    expect(planSpace(sweep).count).toBeGreaterThan(0);
  });

  test('values with commas of their own are one', async () => {
    const { sweep } = await loadOf(
      '--slo ttft:p90<=500ms,tpot:p90<=50ms --random-input-len normal:64,8 --random-output-len 16,uniform:8..32 --no-warmup -r 3',
    );
    expect(valuesOf(sweep, 'slo', 'inputTokens', 'outputTokens', 'warmupRequests')).toEqual([
      'ttft:p90<=500ms,tpot:p90<=50ms',
      'normal:64,8',
      '16,uniform:8..32',
      '0',
    ]);
    expect(sweep.startsPolicy.starts).toBe(3);
  });

  test('the chat API by the words that say so', async () => {
    for (const flags of ['--backend openai-chat', '--endpoint /v1/chat/completions', '--api chat']) {
      const { sweep } = await loadOf(flags);
      expect(valuesOf(sweep, 'api'), flags).toEqual(['chat']);
      folder = temporaryFolder();
      said = [];
    }
  });

  test('every spelling of an option of a load leads to its flag, and none is one of llama-bench', async () => {
    const command = (await createProgram()).commands.find((one) => one.name() === 'bench');
    // vLLM's goodput has no shares and no units.
    const spellings = [...ALSO_KNOWN_AS].filter(
      ([word, option]) => word !== 'goodput' && LOAD_OPTIONS.some(({ name }) => name === option),
    );
    for (const [word, option] of [...spellings, ...LOAD_OPTIONS.map(({ name }) => [name, name] as const)]) {
      const flag = spelledOut(`--${word.replaceAll('_', '-')}`);
      const found = command?.options.find(({ short, long }) => [short, long].includes(flag));
      expect(found?.attributeName(), word).toBe(option);
    }
    for (const load of LOAD_OPTIONS)
      expect(
        BENCH_OPTIONS.some(({ name }) => name === load.name),
        flagsOf(load),
      ).toBe(false);
  });
});

describe('what a server says of itself decides how it is asked', () => {
  test('one whose runner needs no file is asked as itself', async () => {
    const { sweep, server } = await loadOf('', { model: 'a/Model-1' });
    expect(sweep.runners.map(({ kind }) => kind)).toEqual(['simulated-server']);
    expect(sweep.models).toMatchObject([{ name: 'Model-1', source: 'a/Model-1' }]);
    expect(server).toMatchObject({ name: 'attached-simulated-server', model: 'a/Model-1' });
    expect(said.join('')).toMatch(/attached to simulated-server at http:.*, model a\/Model-1, /);
  });

  test('one whose model is not here is asked in its engine’s words, without a tokenizer, and that is said', async () => {
    const { sweep, server } = await loadOf('', { speaks: 'vLLM', model: 'a/elsewhere' });
    expect(sweep.runners.map(({ kind }) => kind)).toEqual(['openai']);
    expect(server.profile).toMatchObject({
      exactLength: { ignore_eos: true, min_tokens: '{wantedTokens}' },
      streamOptions: { continuous_usage_stats: true },
      prefixes: { off: { cache_salt: '{unique}' } },
      metrics: { promptTokens: ['vllm:prompt_tokens_total'] },
    });
    expect(said.join('')).toMatch(
      /attached to vllm 0\.32\.0 at http:.*, model a\/elsewhere, no tokenizer \(a\/elsewhere is not on this machine; --tokenizer names it\)/,
    );
  });

  test.each([
    ['--tokenizer builtin:small', 'a/elsewhere', 'builtin:small'],
    ['-m builtin:small', 'a/elsewhere', 'builtin:small'],
    ['--model a/elsewhere --tokenizer builtin:tiny', 'a/elsewhere', 'builtin:tiny'],
    // It lies here, by the path that the server says.
    ['', join(process.cwd(), 'models/small-f16.gguf'), join(process.cwd(), 'models/small-f16.gguf')],
  ])('%s: the file of the model is opened', async (flags, model, source) => {
    const { sweep, server } = await loadOf(flags, { speaks: 'vLLM', model });
    expect(sweep.runners.map(({ kind }) => kind)).toEqual(['vllm']);
    expect(sweep.models).toMatchObject([{ source }]);
    expect(server.model).toBe(model);
    expect(said.join('')).toContain(`tokenizer from ${source}`);
  });

  test('one of an unknown engine goes on by the API alone, and says so', async () => {
    const list = { data: [{ id: 'm', owned_by: 'somebody' }] };
    await withPages(
      () => [200, list],
      async (url) => await bench('--base-url', `${url}/v1/`),
    );
    expect(said.join('')).toContain('attached to a server of an unknown engine, asked by OpenAI’s API alone');
    const { sweep } = sound(parseSweep(readFileSync(join(folder, 'sweep.yaml'), 'utf8')));
    expect(sweep.runners.map(({ kind }) => kind)).toEqual(['openai']);
  });

  test('of several models one is chosen', async () => {
    const models = ['a', 'b'].map((id) => ({ id, owned_by: 'vllm', root: `/m/${id}` }));
    await withPages(
      (path) => (path === '/v1/models' ? [200, { data: models }] : undefined),
      async (url) => {
        expect(await refusal('--url', url)).toEqual({
          text: `the server at ${url} serves a, b\nChoose one with --model NAME.`,
          exitCode: 2,
        });
        expect((await refusal('--url', url, '--model', 'c')).text).toContain('serves a, b, and not c');
        const many = Array.from({ length: 300 }, (_, i) => ({ id: `m${i}` }));
        await withPages(
          () => [200, { data: many }],
          async (gateway) =>
            expect((await refusal('--url', gateway)).text).toContain('m9, and 290 more\nChoose'),
        );
        expect((await refusal('--url', url, '--model', 'a,b')).text).toContain('is asked for one');
        await bench('--url', url, '--model', 'b');
      },
    );
    expect(said.join('')).toContain(', model b, ');
  });

  test('the key is read from a file, which the entry names', async () => {
    const key = join(folder, 'key');
    writeFileSync(key, 'secret\n');
    const list = { data: [{ id: 'm', owned_by: 'vllm', root: 'm' }] };
    await withPages(
      (_, { headers }): Page => (headers.authorization === 'Bearer secret' ? [200, list] : [401, '']),
      async (url) => {
        expect((await refusal('--url', url)).text).toMatch(/asks for a key: .*401\n.*--api-key-file/);
        const wrong = join(folder, 'wrong');
        writeFileSync(wrong, 'other');
        expect((await refusal('--url', url, '--api-key-file', wrong)).text).toContain(
          'does not take the key in',
        );
        expect((await refusal('--url', url, '--api-key-file', join(folder, 'none'))).text).toContain(
          'the key cannot be read from',
        );
        await bench('--url', url, '--api-key-file', key);
      },
    );
    expect(said.join('')).toContain(JSON.stringify(key));
    expect(said.join('')).not.toContain('secret');
  });
});

describe('ridge bench --url refuses', () => {
  test.each<[flags: string, message: RegExp, exitCode: number]>([
    [
      '--url http://127.0.0.1:9',
      /^no server answers at http:\/\/127\.0\.0\.1:9: nobody listens there .*\nStart it/,
      1,
    ],
    ['--url ftp://here', /^--url ftp:\/\/here is no address of a server\n/, 2],
    ['--url http://u:p@here', /^--url has a name or a password in it\n.*--api-key-file/, 2],
    ['--url http://here/llm/v1', /has the path \/llm\/v1: .*\n.*paths/, 2],
    [
      '--url http://here -t 4',
      /^-t, --threads says how an engine is started, and the server at http:\/\/here runs/,
      2,
    ],
    ['--url http://here -p 512', /^-p, --prompt-tokens is of llama-bench’s test.*\n.*--input-tokens/, 2],
    ['--url http://here -pg 512,1', /^--pg is of llama-bench’s test/, 2],
    ['--url http://here --reuse', /^--reuse cannot know/, 2],
    [
      '--url http://here --qps 2 --max-concurrency 4',
      /^--request-rate and --max-concurrency say two things/,
      2,
    ],
    ['--url http://here --goodput ttft:500', /^vllm bench serve's --goodput .*--slo ttft:p90<=500ms/, 2],
    ['--host here --port 8000', /^vllm bench serve's --host .*--url http:\/\/HOST:PORT/, 2],
    ['--url http://here --random-range-ratio 0.5', /uniform:64\.\.192/, 2],
    [
      '--url http://here --dataset-name sharegpt',
      /^vllm bench serve's --dataset-name sharegpt .*\n.*JSONL/,
      2,
    ],
    ['--url http://here --backend openai-embeddings', /--backend openai-embeddings is no option here/, 2],
    ['-m builtin:tiny --max-concurrency 4', /^--concurrency is of a load on a server that runs\n.*--url/, 2],
    ['-m builtin:tiny --tokenizer x', /^--tokenizer is of a load/, 2],
  ])('%s', async (flags, message, exitCode) => {
    const refused = await refusal(...flags.split(' '));
    expect(refused.text).toMatch(message);
    expect(refused.exitCode).toBe(exitCode);
  });

  test('one that is loading its model still', async () => {
    await withPages(
      () => [503, ''],
      async (url) =>
        expect(await refusal('--url', url)).toMatchObject({
          text: expect.stringMatching(/^the server at .* is not ready: \/v1\/models answered 503\nWait/),
          exitCode: 1,
        }),
    );
  });

  test('a value that a load cannot have, and what is no server with this API', async () => {
    await withSimulator({}, async ({ url }) => {
      const { text } = await refusal('--url', url, '--num-prompts', '0');
      expect(text).toMatch(/^--requests: requests must be .*not 0/);
    });
    await withPages(
      () => [200, '<html>'],
      async (url) =>
        expect((await refusal('--url', url)).text).toMatch(/^what answers at .* is no server with/),
    );
  });
});

test('a server of the command line is the first of its kind beside those of the configuration', () => {
  const config = join(folder, 'node.yaml');
  const own = { profile: 'vllm', attach: 'http://gpu7:8000' } as const;
  writeFileSync(config, JSON.stringify({ servers: { own, attached: own } }));
  const servers = { attached: { profile: 'vllm', attach: 'http://gpu8:8000' } } as const;
  expect(Object.entries(sharedOverrides({ config, servers }).servers!)).toEqual([
    ['attached', servers.attached],
    ['own', own],
  ]);
});
