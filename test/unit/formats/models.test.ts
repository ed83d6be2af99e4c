import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { resolveModels } from '../../../cli/local-models.js';
import { listModels } from '../../../cli/models/models.js';
import { predictedBytes } from '../../../core/runners/index.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { planSpace } from '../../../core/sweep/space.js';
import { chainOf } from '../../../core/techniques/chain.js';
import { FORMATS } from '../../../formats/index.js';
import { writeSafetensors } from '../../../formats/safetensors/writer.js';
import { modelsIn } from '../../../formats/scan.js';
import { sharedFolder, temporaryFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';
import { PLANTED, planted } from '../../support/planted-format.js';
import { sweepOf } from '../sweep/documents.js';

const formats = [...FORMATS, planted];
const folder = sharedFolder();
const published = join(folder, 'published');
const settings = { modelFolders: [folder], cacheFolder: join(folder, '.cache') };
afterEach(() => vi.restoreAllMocks());

const [WIDTH, FEED_FORWARD, VOCABULARY] = [8, 16, 32];
const CONFIG = {
  model_type: 'llama',
  hidden_size: WIDTH,
  intermediate_size: FEED_FORWARD,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: VOCABULARY,
  max_position_embeddings: 64,
  tie_word_embeddings: false,
};
const SHAPES: readonly (readonly [string, readonly number[]])[] = [
  ['model.embed_tokens.weight', [VOCABULARY, WIDTH]],
  ['model.layers.0.self_attn.q_proj.weight', [WIDTH, WIDTH]],
  ['model.layers.0.self_attn.k_proj.weight', [WIDTH / 2, WIDTH]],
  ['model.layers.0.self_attn.v_proj.weight', [WIDTH / 2, WIDTH]],
  ['model.layers.0.self_attn.o_proj.weight', [WIDTH, WIDTH]],
  ['model.layers.0.mlp.gate_proj.weight', [FEED_FORWARD, WIDTH]],
  ['model.layers.0.mlp.up_proj.weight', [FEED_FORWARD, WIDTH]],
  ['model.layers.0.mlp.down_proj.weight', [WIDTH, FEED_FORWARD]],
  ['model.layers.0.input_layernorm.weight', [WIDTH]],
  ['model.layers.0.post_attention_layernorm.weight', [WIDTH]],
  ['model.norm.weight', [WIDTH]],
  ['lm_head.weight', [VOCABULARY, WIDTH]],
];
const PARAMETERS = SHAPES.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);

beforeAll(async () => {
  mkdirSync(published);
  writeFileSync(join(published, 'config.json'), JSON.stringify(CONFIG));
  writeFileSync(join(published, 'tokenizer.json'), JSON.stringify({ model: { type: 'BPE' } }));
  writeFileSync(join(published, 'tokenizer_config.json'), JSON.stringify({ chat_template: '{{ x }}' }));
  await writeSafetensors(join(published, 'model.safetensors'), {
    metadata: new Map(),
    tensors: SHAPES.map(([name, shape]) => ({
      name,
      dtype: 'BF16',
      shape,
      data: () => [new Uint8Array(2 * shape.reduce((a, b) => a * b, 1))],
    })),
  });
  writeFileSync(join(folder, 'a.plant'), 'PLNT4000000');
  writeFileSync(join(folder, 'broken.gguf'), 'GGUF');
  writeFileSync(join(folder, 'notes.txt'), 'PLNT');
});

/** What `ridge models` prints. */
async function listed(source: string | undefined, json?: true): Promise<string> {
  const said = heard();
  await listModels(source, { models: [folder], ...(json === undefined ? {} : { json }) }, formats);
  return said.stdout;
}

describe('a published folder', () => {
  test('has the facts that its config and its headers say, and a digest of all its files', async () => {
    const model = await resolveModel('published', settings);
    expect(model.facts).toMatchObject({
      format: 'safetensors',
      architecture: 'llama',
      parameters: PARAMETERS,
      quantization: 'bf16',
      layers: 1,
      contextLength: 64,
      keyElementsPerToken: 4,
      valueElementsPerToken: 4,
      vocabularySize: VOCABULARY,
      embeddingLength: WIDTH,
      heads: { query: 2, keyValue: 1 },
    });
    expect(model.weightBytes).toBe(2 * PARAMETERS);
    writeFileSync(join(published, 'config.json'), JSON.stringify({ ...CONFIG, rope_theta: 5e5 }));
    expect((await resolveModel(join(published, 'model.safetensors'), settings)).digest).not.toBe(
      model.digest,
    );
  });

  test('is shown with its tokenizer and its template', async () => {
    const shown = JSON.parse(await listed(published, true));
    expect(shown).toMatchObject({ tokenizer: 'BPE', chatTemplate: '{{ x }}' });
    expect(shown.tensors).toHaveLength(SHAPES.length);
  });

  test('whose file is a link to elsewhere is not read', async () => {
    const outside = temporaryFolder();
    const linked = join(folder, 'linked');
    mkdirSync(linked);
    writeFileSync(join(outside, 'config.json'), JSON.stringify(CONFIG));
    symlinkSync(join(outside, 'config.json'), join(linked, 'config.json'));
    await expect(resolveModel('linked', settings)).rejects.toThrow(
      'config.json of linked is not inside a model folder',
    );
    rmSync(linked, { recursive: true });
  });

  test('has no link out of the model folders, in whatever file of it, its templates included', async () => {
    const outside = temporaryFolder();
    writeFileSync(join(outside, 'secret'), '{{ secret }}');
    const templates = join(published, 'additional_chat_templates');
    mkdirSync(templates);
    writeFileSync(join(templates, 'tool_use.jinja'), '{{ y }}');
    const before = await resolveModel('published', settings);
    writeFileSync(join(templates, 'tool_use.jinja'), '{{ z }}');
    expect((await resolveModel('published', settings)).digest).not.toBe(before.digest);
    symlinkSync(join(templates, 'tool_use.jinja'), join(templates, 'same.jinja'));
    await resolveModel('published', settings);
    for (const place of ['additional_chat_templates/rag.jinja', 'whatever.bin', 'original/params.json']) {
      mkdirSync(dirname(join(published, place)), { recursive: true });
      symlinkSync(join(outside, 'secret'), join(published, place));
      await expect(resolveModel('published', settings)).rejects.toThrow(
        `${basename(place)} of published is not inside a model folder`,
      );
      rmSync(join(published, place));
    }
    rmSync(templates, { recursive: true });
  });

  test('whose config is larger than a config is not read', async () => {
    const large = join(folder, 'large');
    cpSync(published, large, { recursive: true });
    writeFileSync(join(large, 'config.json'), `{}${' '.repeat(4 * 2 ** 20)}`);
    await expect(resolveModel('large', settings)).rejects.toThrow(
      'the model large is not usable: config.json has 4194306 bytes, and 4194304 are the most it may have',
    );
    rmSync(large, { recursive: true });
  });

  test('is refused where something else would be run', async () => {
    await expect(resolveModel('published', settings, { runs: [PLANTED] })).rejects.toThrow(
      'the model published is safetensors, of which planted cannot be made',
    );
  });
});

test('the vocabulary beside a graph is no model of its own', () => {
  const made = temporaryFolder();
  for (const name of ['tokenizer.gguf', 'other.gguf']) writeFileSync(join(made, name), '');
  // A version, and a graph of nothing.
  writeFileSync(join(made, 'model.onnx'), Buffer.from([0x08, 9, 0x3a, 0]));
  expect(modelsIn(made).map((path) => basename(path))).toEqual(['model.onnx', 'other.gguf']);
});

describe('a format of one more entry', () => {
  test('is listed with all others', async () => {
    expect(modelsIn(folder, formats)).toEqual(
      ['a.plant', 'broken.gguf', 'published'].map((name) => join(folder, name)),
    );
    const text = await listed(undefined);
    expect(text).toMatch(/a\.plant\s+planted\s+fern\s+4\.0 M/);
    expect(text).toMatch(/published\s+safetensors\s+llama/);
    expect(text).toMatch(/broken\.gguf.*not usable: it is 4 bytes long/);
    expect(await listed(join(folder, 'a.plant'))).toMatch(/context\s+not stated[\s\S]*leaf\s+green/);
  });

  test('is planned: what it does not say is predicted of nothing, and refused by who cannot open it', async () => {
    const sweep = sweepOf(
      JSON.stringify({
        apiVersion: 'ridgepoint.dev/v1',
        kind: 'Sweep',
        metadata: { name: 'planted' },
        spec: {
          models: ['a.plant'],
          techniques: { quantization: ['base', 'q4_k_m'] },
          runners: [{ kind: 'llama-cpp' }, { kind: 'fake' }],
          workloads: [{ kind: 'latency', promptTokens: 1_000_000 }],
        },
      }),
    );
    const models = await resolveModels(sweep, { ...settings, formats });
    const space = planSpace({ ...sweep, models });
    expect(space.impossible).toEqual([
      {
        reason: 'the runner llama-cpp opens gguf, and model a.plant is planted, of which gguf cannot be made',
        count: 2,
      },
    ]);
    expect(space.count).toBe(2);
    const experiment = experimentAt(space, 0);
    const facts = experiment.model.facts!;
    expect(facts).toMatchObject({ format: 'planted', contextLength: null });
    expect(
      predictedBytes({ facts, experiment: { ...experiment, runner: { kind: 'llama-cpp', options: {} } } }),
    ).toBeNull();
    // Nothing that techniques read can be made of it.
    expect(chainOf({ ...experiment.technique, quantization: 'q4_k_m' }, facts, [PLANTED])).toEqual([]);
  });
});
