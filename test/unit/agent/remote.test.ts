import { describe, expect, test } from 'vitest';
import { chooseFiles, type HubFile } from '../../../artifacts/files/remote/choose.js';
import {
  mayFollow,
  readPolicy,
  requireAllowed,
  sourcesSchema,
} from '../../../artifacts/files/remote/policy.js';
import { toFailure } from '../../../core/errors.js';
import { hubSource, readRemote } from '../../../core/models/remote.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { sound } from '../../support/reading.js';

const HEX = 'ab'.repeat(32);

function read(source: string): unknown {
  const reading = readRemote(source);
  return reading.ok ? reading.remote : reading.reason;
}

describe('the words of a source', () => {
  test('name an address or a file of a repository, and the digest it has to have', () => {
    expect(read(`https://Models.example.com:443/a/../m.gguf#sha256=${HEX.toUpperCase()}`)).toEqual({
      kind: 'web',
      url: 'https://models.example.com/m.gguf',
      digest: `sha256:${HEX}`,
    });
    const hub = { kind: 'hub', owner: 'Qwen', repository: 'Qwen2.5-0.5B-GGUF', digest: null };
    expect(read('hf:Qwen/Qwen2.5-0.5B-GGUF')).toEqual({ ...hub, revision: 'main', file: null });
    expect(read('hf:Qwen/Qwen2.5-0.5B-GGUF@refs/pr/3:sub/q4_k_m.gguf')).toEqual({
      ...hub,
      revision: 'refs/pr/3',
      file: 'sub/q4_k_m.gguf',
    });
    expect(read('http://127.0.0.1:8080/m.gguf')).toMatchObject({ kind: 'web' });
  });

  test.each([
    ['http://models.example.com/m.gguf', /plain text/],
    ['https://me:secret@models.example.com/m.gguf', /no name or password/],
    ['https://models.example.com/open/..%2fsecret/m.gguf', /hides a separator/],
    ['https://', /not an address/],
    ['https://models.example.com/m.gguf#sha256=12', /not sha256=/],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/tree/main', /is a page of a repository, no file/],
    ['hf:repository', /does not name a repository/],
    ['hf:../x:y', /does not name a repository/],
    ['hf:a/b@..:m.gguf', /does not name a repository/],
    ['hf:a/b:../m.gguf', /does not name a file/],
    ['hf:a/b:m.gguf?x=y', /does not name a file/],
  ])('%s is refused', (source, why) => {
    expect(read(source)).toMatch(why);
  });

  test('that are written as pages of the hub write them are told how they are meant', () => {
    expect(hubSource('Qwen/Qwen3-0.6B')).toBe('hf:Qwen/Qwen3-0.6B');
    expect(hubSource('https://huggingface.co/Qwen/Qwen3-0.6B/')).toBe('hf:Qwen/Qwen3-0.6B');
    for (const word of ['small', 'a/b/c', 'models/m.gguf', 'sweeps/kv.yaml', '../a/b', 'builtin:small'])
      expect(hubSource(word), word).toBeNull();
  });

  test('are judged with the sweep, and the digest in them is the model’s', () => {
    const sweep = (models: string) =>
      parseSweep(
        `apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: s }\nspec: { models: ${models} }`,
      );
    const good = sweep(`["hf:a/b@main:Q4_K_M#sha256=${HEX}", "https://h.example/m.gguf"]`);
    expect(good.ok && good.sweep.models).toMatchObject([
      { name: 'b-main-Q4_K_M', digest: `sha256:${HEX}` },
      { name: 'm', digest: null },
    ]);
    const bad = sweep('["hf:nothing", "http://h.example/m.gguf"]');
    expect(bad.ok ? [] : bad.diagnostics.map(({ path, message }) => `${path} ${message}`)).toEqual([
      expect.stringMatching(/^spec\.models\[0\] .*repository/),
      expect.stringMatching(/^spec\.models\[1\] .*plain text/),
    ]);
  });
});

function policy(sources: object) {
  return readPolicy(sourcesSchema.parse(sources), 1e9, () => 'text\n');
}

/** @returns the code and the hint of a refusal, or null. */
function refusal(source: string, sources: object | null) {
  const reading = sound(readRemote(source));
  try {
    requireAllowed(source, reading.remote, sources === null ? null : policy(sources));
    return null;
  } catch (error) {
    return toFailure(error);
  }
}

describe('what a node may fetch', () => {
  test('is nothing, unless its config says so', () => {
    for (const source of ['hf:a/b', 'https://h.example/m.gguf']) {
      expect(refusal(source, null)?.code).toBe('source-not-allowed');
      expect(refusal(source, {})?.code).toBe('source-not-allowed');
    }
    expect(refusal('https://h.example/x/m.gguf?download=1', {})?.hint).toContain(
      'https: ["https://h.example/x/"]',
    );
    expect(refusal('hf:a/b', {})?.hint).toContain('hf: true');
  });

  test('is what begins as the list says, host, port and path', () => {
    const sources = { https: ['https://h.example/open/'] };
    expect(refusal('https://h.example/open/deep/m.gguf', sources)).toBeNull();
    expect(refusal('https://H.example:443/open/m.gguf', sources)).toBeNull();
    for (const other of [
      'https://h.example/m.gguf',
      'https://h.example/open/../m.gguf',
      'https://h.example/open/%2e%2e/m.gguf',
      'https://h.example:444/open/m.gguf',
      'https://h.example.evil.test/open/m.gguf',
      'https://evil.test/https://h.example/open/m.gguf',
      'https://h.example/OPEN/m.gguf',
    ]) {
      expect(refusal(other, sources)?.code, other).toBe('source-not-allowed');
    }
  });

  test('repositories by owner or by name', () => {
    expect(refusal('hf:any/thing', { hf: true })).toBeNull();
    expect(refusal('hf:Google/gemma', { hf: ['google', 'Qwen/One'] })).toBeNull();
    expect(refusal('hf:qwen/one', { hf: ['google', 'Qwen/One'] })).toBeNull();
    expect(refusal('hf:qwen/two', { hf: ['google', 'Qwen/One'] })?.code).toBe('source-not-allowed');
  });

  test('redirects of the hub lead to its stores, those of others to what is on the list', () => {
    const hub = policy({ hf: true });
    const may = (address: string, kind: 'hub' | 'web' = 'hub') => mayFollow(kind, new URL(address), hub);
    expect(may('https://cas-bridge.xethub.hf.co/x?signed')).toBe(true);
    expect(may('https://cdn-lfs-us-1.huggingface.co/x')).toBe(true);
    expect(may('https://huggingface.co/x')).toBe(true);
    expect(may('http://cdn.hf.co/x')).toBe(false);
    expect(may('https://evilhf.co/x')).toBe(false);
    expect(may('https://hf.co.evil.test/x')).toBe(false);
    expect(may('https://user@cdn.hf.co/x')).toBe(false);
    expect(may('http://127.0.0.1/x')).toBe(false);
    expect(may('https://cdn.hf.co/x', 'web')).toBe(false);
  });

  test('a path that some server may read as a way out of what is allowed is not allowed', () => {
    const open = policy({ https: ['https://h.example/open/'] });
    const may = (path: string) => mayFollow('web', new URL(`https://h.example/open/${path}`), open);
    expect(may('deep/m..gguf')).toBe(true);
    expect(may('a%20b;v=1/m.gguf')).toBe(true);
    const ways = '..%2fm ..%2Fm ..%5cm x/..%252fm %252e%252e/m %25252e%25252e/m ..;/m m%00.gguf'.split(' ');
    for (const way of ways) {
      expect(may(way), way).toBe(false);
      expect(readRemote(`https://h.example/open/${way}`).ok, way).toBe(false);
    }
  });

  test.each([
    [{ https: ['models.example.com'] }, /not an address/],
    [{ https: ['http://models.example.com/'] }, /begin with https/],
    [{ https: ['https://models.example.com/llm'] }, /end with a slash/],
    [{ https: ['https://a@models.example.com/'] }, /nothing else/],
    [{ hfEndpoint: 'ftp://x/' }, /begin with https/],
  ])('a config with %j is wrong', (sources, why) => {
    expect(sourcesSchema.safeParse(sources).error?.issues[0]?.message).toMatch(why);
  });

  test('no file may be larger than the cache', () => {
    expect(policy({ maxBytes: 1e12 }).maxBytes).toBe(1e9);
    expect(policy({ maxBytes: 10 }).maxBytes).toBe(10);
    expect(policy({ hfTokenFile: 'f' }).token).toBe('text');
  });
});

describe('the file of a repository', () => {
  const file = (path: string): HubFile => ({ path, bytes: 1, digest: null });
  const files = [
    'README.md',
    'config.json',
    'model-Q4_K_M.gguf',
    'model.Q4_K_S.gguf',
    'model-q8_0.gguf',
    'model-IQ4_K_M.gguf',
    'mmproj-model-q8_0.gguf',
    'BF16/model-BF16-00001-of-00002.gguf',
    'BF16/model-BF16-00002-of-00002.gguf',
  ].map(file);
  const chosen = (wanted: string | null, from = files) => {
    try {
      const { files: found, folder } = chooseFiles(from, wanted, 'o/r');
      return (folder ? 'folder: ' : '') + found.map(({ path }) => path).join(' ');
    } catch (error) {
      const { code, message, hint } = toFailure(error);
      return `${code}: ${message}. ${hint}`;
    }
  };

  test('is found by its path, by its quantization, or when there is only one', () => {
    expect(chosen('model-Q4_K_M.gguf')).toBe('model-Q4_K_M.gguf');
    expect(chosen('q4_k_m')).toBe('model-Q4_K_M.gguf');
    expect(chosen('Q4_K_S')).toBe('model.Q4_K_S.gguf');
    expect(chosen('Q8_0')).toBe('model-q8_0.gguf');
    expect(chosen(null, [file('README.md'), file('only.gguf')])).toBe('only.gguf');
  });

  test('is all of its parts where it is split, by any name of it', () => {
    const parts = ['BF16/model-BF16-00001-of-00002.gguf', 'BF16/model-BF16-00002-of-00002.gguf'];
    expect(chosen('BF16')).toBe(parts.join(' '));
    expect(chosen(parts[1]!, [...files].reverse())).toBe(parts.join(' '));
    expect(chosen(null, parts.map(file))).toBe(parts.join(' '));
    expect(chosen('BF16', files.slice(0, -1))).toMatch(`o/r has no ${parts[1]}, a part of the model`);
  });

  test('is the repository itself where it is a folder and has no other model, or where its format is named', () => {
    const weights = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = 'model.safetensors.index.json';
    const folder = ['README.md', 'config.json', 'tokenizer.json', 'vocab.txt', index, ...weights];
    // The same weights again in the publisher's own form, and files of other folders, are none of it.
    // Nor are files that would lie where the cache writes what it knows of others.
    const notes = ['config.json.json', 'tokenizer.json.json', `${weights[0]}.json`];
    const others = [
      ...notes,
      'consolidated-00001.safetensors',
      '1_Pooling/config.json',
      'onnx/model.onnx',
      'a.bin',
    ];
    const wanted = `folder: config.json tokenizer.json vocab.txt ${[index, ...weights].join(' ')}`;
    expect(chosen(null, [...folder, ...others].map(file))).toBe(wanted);
    expect(chosen('safetensors', [...folder, 'model-Q8_0.gguf'].map(file))).toBe(wanted);
    expect(chosen(null, [...folder, 'model-Q8_0.gguf'].map(file))).toBe('model-Q8_0.gguf');
    expect(chosen(null, ['config.json', 'model.safetensors'].map(file))).toBe(
      'folder: config.json model.safetensors',
    );
    expect(chosen('safetensors', files)).toContain('there is no safetensors in o/r');
  });

  test('is not guessed: candidates are listed, other files refused', () => {
    expect(chosen('Q4_K')).toMatch(/^model-missing: there is no Q4_K in o\/r\. It has model-Q4_K_M/);
    expect(chosen('.*')).toContain('there is no .*');
    expect(chosen(null)).toMatch(/^model-missing: o\/r may be any of 5 files\. Name one of model-Q4_K_M/);
    const two = [...files, file('ud/model-UD-Q4_K_M.gguf')];
    expect(chosen('Q4_K_M', two)).toMatch(
      /any of 2 files. Name one of model-Q4_K_M.gguf, ud\/model-UD-Q4_K_M/,
    );
    expect(chosen('config.json')).toMatch(/^model-missing: config.json in o\/r is no GGUF \(.gguf\) file/);
    expect(chosen(null, [file('model.safetensors')])).toMatch(
      /^model-missing: o\/r has no GGUF \(.gguf\) file/,
    );
    const many = Array.from({ length: 30 }, (_, i) => file(`m${i}-Q4_0.gguf`));
    expect(chosen('Q4_0', many)).toMatch(/any of 30 files.*and 18 more/);
  });
});
