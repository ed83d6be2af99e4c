import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadAdapter } from '../../../artifacts/adapters/load.js';
import { mergeAdapters } from '../../../artifacts/adapters/merge.js';
import { readPeft } from '../../../artifacts/adapters/peft.js';
import { locateAdapter } from '../../../artifacts/adapters/source.js';
import { FailureError } from '../../../core/errors.js';
import { PORTABLE_MERGE } from '../../../core/techniques/adapters/merge.js';
import { encodeFloats } from '../../../core/techniques/float-types.js';
import { adapterBase } from '../../../formats/adapters/base.js';
import { readAdapterGguf, writeAdapterGguf } from '../../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { writeGguf } from '../../../formats/gguf/writer.js';
import { writeSafetensors } from '../../../formats/safetensors/writer.js';
import { sharedFolder, temporaryFolder } from '../../support/folder.js';
import { randomLayer, toyAdapter } from './toy.js';

const folder = sharedFolder();
const root = join(import.meta.dirname, '../../..');
const builtin = join(root, 'models/adapters/small-pgdoc-r4.gguf');
const tiny = join(root, 'models/tiny-f16.gguf');
const small = join(root, 'models/small-f16.gguf');
const peft = join(root, 'test/fixtures/peft');
const settings = { modelFolders: [folder], cacheFolder: join(folder, 'cache') };

/** @returns the code and the sentence that a promise is refused with. */
async function refusal(promise: Promise<unknown>): Promise<[string, string]> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  if (!(error instanceof FailureError)) throw new Error(`not refused: ${error}`);
  return [error.failure.code, `${error.failure.message} | ${error.failure.hint ?? ''}`];
}

/** A copy of a PEFT folder with another config, and optionally other tensors. */
function altered(kind: string, change: Record<string, unknown>): string {
  const place = mkdtempSync(join(folder, `${kind}-`));
  cpSync(join(peft, kind), place, { recursive: true });
  const path = join(place, 'adapter_config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  return place;
}

const merge = (source: string, inputPath: string, scale = 1) =>
  mergeAdapters(
    {
      inputPath,
      inputName: 'm',
      outputPath: join(folder, 'merged.gguf'),
      adapters: [{ source, place: { form: 'gguf', path: source }, scale }],
    },
    PORTABLE_MERGE,
  );

describe('an adapter that cannot be used', () => {
  test('for another model names the matrix and both shapes', async () => {
    const place = { form: 'gguf', path: builtin } as const;
    const [code, words] = await refusal(
      loadAdapter({ source: 'r4', place, basePath: tiny, baseName: 'tiny' }),
    );
    expect(code).toBe('impossible-combination');
    expect(words).toMatch(
      /the adapter r4 is for another model than tiny: it changes blk\.0\.attn_\w+\.weight as \[\d+, 256\], and the model has \[\d+, 128\] there/,
    );
  });

  test('for another architecture, for layers that are not there, for a tied output or embedding', async () => {
    const write = async (
      name: string,
      layers: Iterable<readonly [string, ReturnType<typeof randomLayer>]>,
    ) => {
      const path = join(folder, `${name}.gguf`);
      const architecture = name === 'qwen' ? 'qwen2' : 'llama';
      await writeAdapterGguf(path, { ...toyAdapter('lora'), architecture, layers: new Map(layers) });
      return refusal(
        loadAdapter({ source: name, place: { form: 'gguf', path }, basePath: tiny, baseName: 'tiny' }),
      );
    };
    const layer = randomLayer(128, 128, 2);
    expect((await write('qwen', [['blk.0.attn_q.weight', layer]]))[1]).toContain(
      'it is for the architecture qwen2, and the model is llama',
    );
    expect((await write('deep', [['blk.30.attn_q.weight', layer]]))[1]).toContain(
      'it changes blk.30.attn_q.weight [128, 128], which the model does not have',
    );
    const wide = randomLayer(4096, 128, 2);
    expect((await write('output', [['output.weight', wide]]))[1]).toContain('(its output is its embedding)');
    expect((await write('embedding', [['token_embd.weight', wide]]))[1]).toContain(
      'tiny uses the same matrix for its output',
    );
  });

  test('with a number that is not finite', async () => {
    const path = join(folder, 'nan.gguf');
    const adapter = toyAdapter('lora');
    adapter.layers.get('blk.0.attn_k.weight')!.b.values[3] = Number.NaN;
    await writeAdapterGguf(path, adapter);
    expect(await refusal(readAdapterGguf(path, 'nan'))).toEqual([
      'model-unreadable',
      'the adapter nan is not usable: B of blk.0.attn_k.weight has a number that is not finite | ',
    ]);
  });

  test('with factors of different ranks, or one of them missing', async () => {
    const write = async (shapes: Readonly<Record<string, readonly number[]>>) => {
      const path = join(folder, 'pairs.gguf');
      const tensors = Object.entries(shapes).map(([name, shape]) => ({
        name,
        type: 'f32',
        shape,
        data: () => [encodeFloats(new Float32Array(shape.reduce((a, b) => a * b)), 'f32')],
      }));
      const text = (value: string) => ({ type: 'string', value }) as const;
      const metadata = new Map([
        ['general.architecture', text('llama')],
        ['general.type', text('adapter')],
        ['adapter.type', text('lora')],
      ]);
      await writeGguf(path, { metadata, tensors });
      return (await refusal(readAdapterGguf(path, 'a')))[1];
    };
    const q = 'blk.0.attn_q.weight';
    expect(await write({ [`${q}.lora_a`]: [8, 2], [`${q}.lora_b`]: [3, 8] })).toContain(
      'A has 2 rows [2, 8] and B 3 columns [8, 3]; both are the rank',
    );
    expect(await write({ [`${q}.lora_a`]: [8, 2] })).toContain(`${q} has no lora_b`);
    expect(await write({ 'blk.0.attn_q.bias': [8] })).toContain('blk.0.attn_q.bias is no part of a LoRA');
    expect(await write({ [`${q}.lora_a`]: [8, 2, 4], [`${q}.lora_b`]: [2, 8, 4] })).toContain(
      'is for experts',
    );
  });

  test('a file that is a model, cut off, or no GGUF at all', async () => {
    expect((await refusal(readAdapterGguf(tiny, 'tiny')))[1]).toContain('it holds a model, not an adapter');
    const cut = join(folder, 'cut.gguf');
    cpSync(builtin, cut);
    truncateSync(cut, 300_000);
    expect((await refusal(readAdapterGguf(cut, 'cut')))[1]).toContain('it is cut off');
    writeFileSync(cut, 'nothing of the kind, and long enough for a header');
    expect((await refusal(readAdapterGguf(cut, 'cut')))[1]).toContain('does not begin with GGUF');
  });

  test('a base that is quantized is named, with the way out', async () => {
    const path = join(folder, 'quantized.gguf');
    const { tensors } = readGgufHeader(tiny);
    const text = (value: string) => ({ type: 'string', value }) as const;
    await writeGguf(path, {
      metadata: new Map([['general.architecture', text('llama')]]),
      tensors: tensors.map(({ name, shape }) => {
        const type = name === 'blk.0.attn_q.weight' ? 'q8_0' : 'f32';
        const bytes = (shape.reduce((a, b) => a * b, 1) * (type === 'f32' ? 128 : 34)) / 32;
        return { name, type, shape, data: () => [new Uint8Array(bytes)] };
      }),
    });
    const adapter = join(folder, 'q.gguf');
    const layers = new Map([['blk.0.attn_q.weight', randomLayer(128, 128, 2)]]);
    await writeAdapterGguf(adapter, { ...toyAdapter('lora'), layers });
    const [code, words] = await refusal(merge(adapter, path));
    expect(code).toBe('impossible-combination');
    expect(words).toMatch(
      /m is quantized \(blk\.0\.attn_q\.weight is q8_0\).*quantize after that.*mode=attached/,
    );
    // What the type of the base cannot hold is no number either.
    const large = {
      ...toyAdapter('lora'),
      layers: new Map([['blk.0.attn_q.weight', randomLayer(128, 128, 2, { scale: 1e6 })]]),
    };
    await writeAdapterGguf(adapter, large);
    expect((await refusal(merge(adapter, tiny)))[1]).toMatch(
      /merged, a weight of blk\.0\.attn_q\.weight is .*which f16 cannot hold/,
    );
  });
});

describe('a PEFT folder that cannot be used', () => {
  const LLAMA = { ...adapterBase(readGgufHeader(small)), heads: [4, 4], keyValueHeads: [2, 2] };

  test.each([
    [{ peft_type: 'LOHA' }, 'its peft_type is LOHA'],
    [{ fan_in_fan_out: true }, 'its matrices are transposed (fan_in_fan_out)'],
    [{ bias: 'lora_only' }, 'it changes biases as well'],
    [{ modules_to_save: ['lm_head'] }, 'it replaces whole modules (modules_to_save: lm_head)'],
    [{ layer_replication: [[0, 2]] }, 'layer_replication'],
    [{ init_lora_weights: 'loftq' }, 'LoftQ'],
    [{ init_lora_weights: 'pissa_niter_4' }, 'it fits what pissa_niter_4 left of the base'],
    [{ r: 5 }, 'A has rank 4, and its config says 5'],
    [{ r: -1 }, 'in its adapter_config.json, r:'],
    [{ rank_pattern: { '(a+)+$': 3 } }, 'its pattern (a+)+$ is not one that module names need'],
    [{ alpha_pattern: { '[': 3 } }, 'its pattern [ is not one that module names need'],
  ])('because of %j', async (change, words) => {
    const [code, sentence] = await refusal(readPeft(altered('lora', change), LLAMA, 'mine'));
    expect(code).toBe('model-unreadable');
    expect(sentence).toContain('the adapter mine is not usable: ');
    expect(sentence).toContain(words);
  });

  test('because of more patterns than any model needs', async () => {
    const patterns = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`a${i}`, 2]));
    const [, sentence] = await refusal(readPeft(altered('lora', { rank_pattern: patterns }), LLAMA, 'mine'));
    expect(sentence).toContain('it has 40000 patterns for ranks; 5000 are the most');
  });

  test.each(['adapter_model.safetensors', 'adapter_config.json', 'pissa_init/adapter_model.safetensors'])(
    'because its %s is a link out of the model folders',
    async (file) => {
      const outside = temporaryFolder();
      const place = altered('lora', { init_lora_weights: 'pissa' });
      mkdirSync(join(place, 'pissa_init'));
      cpSync(join(peft, 'lora'), join(place, 'pissa_init'), { recursive: true });
      cpSync(join(place, file), join(outside, 'secret'));
      rmSync(join(place, file));
      symlinkSync(join(outside, 'secret'), join(place, file));
      const [code, sentence] = await refusal(locateAdapter(place, settings));
      expect(code).toMatch(/source-not-allowed|model-missing/);
      if (file !== 'adapter_config.json') {
        expect(sentence).toMatch(
          /adapter_model\.safetensors of .* is not inside a model folder of this node/,
        );
      }
      // A link within the folders is a file like any other.
      rmSync(join(place, file));
      const within = join(mkdtempSync(join(folder, 'within-')), 'adapter_model.safetensors');
      cpSync(join(peft, 'lora', 'adapter_model.safetensors'), within);
      if (file === 'adapter_config.json') return;
      symlinkSync(within, join(place, file));
      expect((await locateAdapter(place, settings)).place.form).toBe('peft');
    },
  );

  test('because of its architecture, missing or strange tensors, or no shared matrices', async () => {
    const gemma = { ...LLAMA, architecture: 'gemma3' };
    expect((await refusal(readPeft(join(peft, 'lora'), gemma)))[1]).toMatch(
      /gemma3 model \| .*convert_lora_to_gguf/,
    );
    const place = altered('lora', {});
    const rewrite = async (tensors: Readonly<Record<string, readonly number[]>>) => {
      await writeSafetensors(join(place, 'adapter_model.safetensors'), {
        metadata: new Map(),
        tensors: Object.entries(tensors).map(([name, shape]) => ({
          name,
          dtype: 'F32',
          shape,
          data: () => [new Uint8Array(shape.reduce((a, b) => a * b, 4))],
        })),
      });
      return (await refusal(readPeft(place, LLAMA, 'mine')))[1];
    };
    const q = 'base_model.model.model.layers.0.self_attn.q_proj';
    expect(await rewrite({ [`${q}.lora_A.weight`]: [4, 16] })).toContain(
      'of model.layers.0.self_attn.q_proj it has no lora_B',
    );
    expect(await rewrite({ [`${q}.hada_w1_a`]: [4, 16] })).toContain('is no part of a low-rank adapter');
    const gate = 'base_model.model.model.layers.0.block_sparse_moe.gate';
    expect(
      await rewrite({ [`${gate}.lora_A.weight`]: [4, 16], [`${gate}.lora_B.weight`]: [8, 4] }),
    ).toContain(
      'it changes the module base_model.model.model.layers.0.block_sparse_moe.gate, which has no place',
    );
    rmSync(join(place, 'adapter_model.safetensors'));
    expect((await refusal(readPeft(place, LLAMA, 'mine')))[1]).toMatch(
      /no adapter_model.safetensors \| .*safe_serialization/,
    );
    writeFileSync(join(place, 'adapter_model.safetensors'), 'what is this, a header of sorts?');
    expect((await refusal(readPeft(place, LLAMA, 'mine')))[1]).toContain('in adapter_model.safetensors, ');
    writeFileSync(join(place, 'adapter_config.json'), '{');
    expect((await refusal(readPeft(place, LLAMA, 'mine')))[1]).toContain(
      'its adapter_config.json is no JSON',
    );
  });
});

describe('finding an adapter', () => {
  test.each([
    [
      'builtin:nothing',
      'model-missing',
      'there is no builtin adapter "nothing" | The builtin adapters are small-pgdoc-r4',
    ],
    ['missing.gguf', 'model-missing', 'there is no file missing.gguf'],
    ['/etc/hostname', 'source-not-allowed', 'is not inside a model folder'],
    ['../secret', 'source-not-allowed', 'is not inside a model folder'],
    ['https://example.org/a.gguf', 'source-not-allowed', 'would have to be fetched'],
  ])('%s is refused', async (source, code, words) => {
    const [found, sentence] = await refusal(locateAdapter(source, settings));
    expect(found).toBe(code);
    expect(sentence).toContain(words);
  });

  test('a folder, a file, a builtin name and a synthetic word are found, each with its digest', async () => {
    mkdirSync(join(folder, 'here'), { recursive: true });
    cpSync(join(peft, 'pissa-with-initial'), join(folder, 'here/mine'), { recursive: true });
    cpSync(builtin, join(folder, 'here/r4.gguf'));
    const mine = await locateAdapter('here/mine', settings);
    expect(mine.place).toMatchObject({ form: 'peft' });
    writeFileSync(join(folder, 'here/mine/pissa_init/adapter_config.json'), '{}');
    expect((await locateAdapter('here/mine', settings)).digest).not.toBe(mine.digest);
    const [file, shipped] = [
      await locateAdapter('here/r4.gguf', settings),
      await locateAdapter('builtin:small-pgdoc-r4', settings),
    ];
    expect([file.digest, file.bytes]).toEqual([shipped.digest, shipped.bytes]);
    const word = 'synthetic:lora?rank=8&seed=3&targets=attn_q,attn_v';
    expect(await locateAdapter(word, settings)).toEqual({
      source: word,
      place: { form: 'synthetic', synthetic: { rank: 8, targets: ['attn_q', 'attn_v'], seed: 3 } },
      digest: word,
      bytes: 0,
    });
  });
});
