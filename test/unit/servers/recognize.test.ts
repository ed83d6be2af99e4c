import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { modelHere } from '../../../engines/servers/model-here.js';
import {
  type NotRecognized,
  type RunningServer,
  recognizeServer,
} from '../../../engines/servers/recognize.js';
import { type Page, withPages } from '../../support/answering.js';
import { temporaryFolder } from '../../support/folder.js';
import { withSimulator } from '../../support/simulator.js';

type Pages = Readonly<Record<string, unknown>>;

const found = async (pages: Pages): Promise<RunningServer | NotRecognized> =>
  await withPages(
    (path) => (Object.hasOwn(pages, path) ? [200, pages[path]] : undefined),
    async (url) => await recognizeServer({ url, apiKey: null }),
  );

/**
 * Of one model, with what each server says besides (vLLM 0.32.0, SGLang 0.5.23, llama.cpp v0.4.0,
 * text-generation-inference 3.3.7).
 */
const listed = (...models: object[]) => ({ '/v1/models': { object: 'list', data: models } });

describe('a running server is recognized by what it lists, and says its release and model', () => {
  test.each<[kind: string, pages: Pages, release: string | null, source: string | null]>([
    [
      'vllm',
      {
        ...listed({ id: 'q', owned_by: 'vllm', root: 'Qwen/Qwen3-0.6B', parent: null }),
        '/version': { version: '0.32.0' },
      },
      '0.32.0',
      'Qwen/Qwen3-0.6B',
    ],
    [
      'sglang',
      {
        ...listed({ id: 'q', owned_by: 'sglang', root: 'q', parent: null }),
        '/server_info': { version: '0.5.23' },
        '/model_info': { model_path: '/models/q' },
      },
      '0.5.23',
      '/models/q',
    ],
    [
      'llama-server',
      {
        ...listed({ id: 'q.gguf', owned_by: 'llamacpp' }),
        '/props': { build_info: 'b1-80fb11a', model_path: 'models/q.gguf' },
      },
      'b1-80fb11a',
      'models/q.gguf',
    ],
    [
      'tensorrt-llm',
      { ...listed({ id: 'q', owned_by: 'tensorrt_llm' }), '/version': { version: '1.2.0' } },
      '1.2.0',
      null,
    ],
    [
      'tgi',
      { ...listed({ id: 'a/q', owned_by: 'a/q' }), '/info': { version: '3.3.7', model_id: 'a/q' } },
      '3.3.7',
      'a/q',
    ],
    // An engine that hides its release is still that engine; one of a name that is not known is asked by the
    // API alone.
    ['vllm', listed({ id: 'q', owned_by: 'vllm' }), null, null],
    ['openai', listed({ id: 'q', owned_by: 'somebody' }), null, null],
    ['openai', listed({ id: 'q' }), null, null],
  ])('%s', async (kind, pages, release, modelSource) => {
    expect(await found(pages)).toMatchObject({ kind, release, modelSource });
  });

  test('and so is the simulated one, also where it speaks like another', async () => {
    const seen = async (options: Parameters<typeof withSimulator>[0]) =>
      await withSimulator(options, async ({ url }) => await recognizeServer({ url, apiKey: null }));
    expect(await seen({})).toMatchObject({ kind: 'simulated-server', release: null, models: ['simulated'] });
    expect(await seen({ speaks: 'vLLM' })).toMatchObject({ kind: 'vllm', release: '0.32.0' });
  });

  test('with the names that requests may give, each model once and without its adapters', async () => {
    const of = { owned_by: 'vllm', parent: null };
    const aliases = listed(
      { ...of, id: 'a', root: '/m/a' },
      { ...of, id: 'also-a', root: '/m/a' },
      { ...of, id: 'sql', root: '/adapters/sql', parent: 'a' },
    );
    expect(await found(aliases)).toMatchObject({
      models: ['a'],
      names: ['a', 'also-a', 'sql'],
      modelSource: '/m/a',
    });
    const several = listed({ ...of, id: 'a', root: '/m/a' }, { ...of, id: 'b', root: '/m/b' });
    expect(await found(several)).toMatchObject({ models: ['a', 'b'], modelSource: null });
  });
});

describe('what is no such server is told apart', () => {
  test.each<[what: string, page: Page, expected: NotRecognized]>([
    ['another page', [200, '<html>'], { why: 'other', reason: expect.stringContaining('lists no models') }],
    [
      'an empty list',
      [200, { data: [] }],
      { why: 'other', reason: expect.stringContaining('lists no models') },
    ],
    ['no such page', [404, ''], { why: 'other', reason: '/v1/models answered 404' }],
    ['a key', [401, ''], { why: 'locked', reason: '/v1/models answered 401' }],
    ['loading', [503, ''], { why: 'loading', reason: '/v1/models answered 503' }],
  ])('%s', async (_, page, expected) => {
    const seen = await withPages(
      () => page,
      async (url) => await recognizeServer({ url, apiKey: null }),
    );
    expect(seen).toEqual(expected);
  });

  test('a key that only some pages ask for, and the key is sent', async () => {
    // llama-server lists its models to everybody.
    const locked = (path: string, key: string | undefined): Page => {
      if (path === '/v1/models') return [200, listed({ id: 'q', owned_by: 'llamacpp' })[path]];
      return key === 'Bearer right' ? [200, { build_info: 'b1', model_path: '/q.gguf' }] : [401, ''];
    };
    const seenWith = async (apiKey: string | null) =>
      await withPages(
        (path, { headers }) => locked(path, headers.authorization),
        async (url) => await recognizeServer({ url, apiKey }),
      );
    expect(await seenWith(null)).toEqual({ why: 'locked', reason: '/props answered 401' });
    expect(await seenWith('wrong')).toMatchObject({ why: 'locked' });
    expect(await seenWith('right')).toMatchObject({ kind: 'llama-server', release: 'b1' });
  });
});

describe('the model of a running server is found on this machine', () => {
  afterEach(() => vi.unstubAllEnvs());

  function modelIn(...parts: string[]): string {
    const folder = join(temporaryFolder(), ...parts);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config.json'), '{}');
    writeFileSync(join(folder, 'model.safetensors'), '');
    return folder;
  }

  test('by its path, wherever the server runs, and by none that is no model', () => {
    const path = modelIn();
    expect(modelHere('http://gpu7:8000', path)).toBe(path);
    expect(modelHere('http://gpu7:8000', join(path, 'missing'))).toBeNull();
    expect(modelHere('http://gpu7:8000', temporaryFolder())).toBeNull();
  });

  test('by a path of the folder that a server of this machine runs in', async () => {
    await withPages(
      () => undefined,
      async (url) => {
        const small = 'models/small-f16.gguf';
        // This process runs the server, so its folder is that of the tests.
        expect(modelHere(url, small)).toBe(join(process.cwd(), small));
        expect(modelHere('http://gpu7:8000', small)).toBeNull();
      },
    );
  });

  test('by its name of the hub, in the cache that engines share', () => {
    const cache = temporaryFolder();
    const repository = join(cache, 'models--Qwen--Qwen3-0.6B');
    mkdirSync(join(repository, 'refs'), { recursive: true });
    mkdirSync(join(repository, 'snapshots'));
    writeFileSync(join(repository, 'refs/main'), 'abc123');
    symlinkSync(modelIn(), join(repository, 'snapshots/abc123'));
    vi.stubEnv('HF_HUB_CACHE', cache);
    expect(modelHere('http://gpu7:8000', 'Qwen/Qwen3-0.6B')).toBe(join(repository, 'snapshots/abc123'));
    expect(modelHere('http://gpu7:8000', 'Qwen/Qwen3-4B')).toBeNull();
  });
});
