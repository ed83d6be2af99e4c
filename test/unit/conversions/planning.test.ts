import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONVERTERS } from '../../../artifacts/conversions/index.js';
import type { ConversionTask } from '../../../artifacts/conversions/job.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { ArtifactStore } from '../../../artifacts/files/store.js';
import { stepsFor } from '../../../artifacts/techniques/index.js';
import { CONVERSION_NAMES, conversionNamed, unopenable, wayTo } from '../../../core/models/conversions.js';
import { planSpace } from '../../../core/sweep/space.js';
import { chainOf, chainSteps } from '../../../core/techniques/chain.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { formatOf } from '../../../formats/index.js';
import { temporaryFolder } from '../../support/folder.js';
import { doHere } from '../../support/launcher.js';
import { writeMixture } from '../../support/mixture.js';
import { tinyLlama, writeFolder } from '../../support/model-folder.js';
import { file, sweepOf } from '../sweep/documents.js';

const recipes = (links: readonly { readonly recipe: string }[]) => links.map(({ recipe }) => recipe);

describe('a way from one format to another', () => {
  test('is the shortest, and none where there is nothing to do', () => {
    expect(wayTo('gguf', ['onnx', 'gguf'])).toEqual([]);
    expect(wayTo('safetensors', ['gguf'])).toEqual(['safetensors-to-gguf']);
    for (const name of CONVERSION_NAMES) {
      const { from, to } = conversionNamed(name);
      expect(wayTo(from, [to])).toEqual([name]);
    }
  });

  test('is refused with what the model lacks', () => {
    const folder = { format: 'safetensors', architecture: 'llama', quantization: 'bf16' } as const;
    expect(unopenable(folder, ['gguf'])).toBeNull();
    expect(unopenable({ ...folder, architecture: 'opt' }, ['gguf'])).toMatch(/opt has no GGUF form/);
    expect(unopenable({ ...folder, quantization: 'gptq' }, ['gguf'])).toMatch(/quantized \(gptq\)/);
    // As it is, a server runs it.
    expect(unopenable({ ...folder, quantization: 'gptq' }, ['safetensors'])).toBeNull();
  });

  test('is refused at its start for what the end of it lacks', () => {
    const folder = (architecture: string, experts = 0) =>
      unopenable({ format: 'safetensors', architecture, quantization: 'bf16', experts }, ['onnx']);
    expect(folder('mistral')).toBeNull();
    expect(folder('phi3')).toMatch(
      /^is safetensors, of which onnx cannot be made: no graph is built of phi3:/,
    );
    expect(folder('mixtral', 8)).toMatch(/no graph is built of mixtures of experts/);
  });
});

/** The points of a sweep of one model. */
function pointsOf(path: string, spec: Readonly<Record<string, unknown>>) {
  const { facts } = formatOf(path).inspect(path);
  const workloads = { kind: 'latency', promptTokens: 8, generateTokens: 4 };
  const sweep = sweepOf(file({ models: path, workloads, ...spec }));
  return planSpace({ ...sweep, models: sweep.models.map((model) => ({ ...model, facts })) });
}

describe('a mixture of experts whose GGUF file says llama', () => {
  const mixtral = () =>
    writeMixture(join(builtinFolder(), 'tiny-f16.gguf'), join(temporaryFolder(), 'mixtral.gguf'), 'llama');

  test.each([
    ['onnx', {}, /of which onnx cannot be made: no graph is built of mixtures of experts: dense models of /],
    ['sparse', {}, /^the runner sparse cannot run model \S+: it is a mixture of experts$/],
    ['ggml', { workloads: { kind: 'finetune' } }, /cannot be trained: .*it is a mixture of experts/],
    ['llama-cpp', { techniques: { attention: 'window:64' } }, /a window is given to dense models only/],
  ])('is refused for %s, %j, before anything runs', async (kind, spec, why) => {
    const { count, impossible } = pointsOf(await mixtral(), { runners: [{ kind }], ...spec });
    expect(count).toBe(0);
    expect(impossible.map(({ reason }) => reason)).toContainEqual(expect.stringMatching(why));
  });

  test('runs where its graph has experts', async () => {
    const space = pointsOf(await mixtral(), { runners: [{ kind: 'llama-cpp' }] });
    expect(space).toMatchObject({ count: 1, impossible: [] });
  });
});

describe('a folder in a sweep', () => {
  const spaceOf = async (
    config: Readonly<Record<string, unknown>>,
    runners: readonly unknown[],
    spec: object = {},
  ) =>
    pointsOf(await writeFolder(tinyLlama(config), { type: 'bf16' }), {
      techniques: { quantization: ['base', 'q8_0'] },
      runners,
      ...spec,
    });

  test('is converted for a runner that opens GGUF files, before anything else is done to it', async () => {
    const space = await spaceOf({}, [{ kind: 'llama-cpp' }]);
    expect(space.impossible).toEqual([]);
    const chains = [0, 1].map((position) => {
      const { technique, model } = space.contentAt(position);
      return recipes(chainOf(technique, model.facts, ['gguf']));
    });
    expect(chains).toEqual([['convert(gguf)'], ['convert(gguf)', 'quantize(q8_0)']]);
    expect(chainOf(UNCHANGED, space.contentAt(0).model.facts, ['safetensors'])).toEqual([]);
  });

  test('is pruned as GGUF for a server that opens folders, and is a folder again; of quantized weights none is made', async () => {
    const space = await spaceOf({}, [{ kind: 'llama-cpp' }]);
    const { facts } = space.contentAt(0).model;
    const pruned = { ...UNCHANGED, sparsity: 'magnitude:50%' };
    expect(recipes(chainOf(pruned, facts, ['safetensors']))).toEqual([
      'convert(gguf)',
      'prune(magnitude:50%)',
      'convert(safetensors)',
    ]);
    expect(chainSteps({ ...pruned, quantization: 'q4_k_m' }, facts, ['safetensors'])).toMatchObject({
      ok: false,
      message: expect.stringMatching(/of which safetensors cannot be made: its weights are q4_k_m/),
    });
  });

  test('that no graph is built of is refused for a runner of graphs before anything runs', async () => {
    const space = await spaceOf({ model_type: 'phi3' }, [{ kind: 'onnx' }]);
    expect(space.count).toBe(0);
    expect(space.impossible.map(({ reason }) => reason)).toContainEqual(
      expect.stringMatching(
        /^the runner onnx opens onnx, and model \S+ is safetensors, of which onnx cannot be made: no graph is built of phi3: llama, .* have one$/,
      ),
    );
  });

  test('is trained, packed and given a window by what its GGUF file says', async () => {
    const mistral = { model_type: 'mistral' };
    const techniques = { techniques: { attention: 'window:32' } };
    for (const [kind, spec] of [
      ['llama-cpp', techniques],
      ['sparse', { techniques: {} }],
      ['ggml', { techniques: {}, workloads: { kind: 'finetune', windowTokens: 16 } }],
    ] as const)
      expect((await spaceOf(mistral, [{ kind }], spec)).impossible).toEqual([]);
  });

  test('of no architecture of llama.cpp is refused before anything runs', async () => {
    const space = await spaceOf({ model_type: 'opt' }, [{ kind: 'llama-cpp' }]);
    expect(space.count).toBe(0);
    expect(space.impossible[0]?.reason).toMatch(
      /^the runner llama-cpp opens gguf, and model \S+ is safetensors, of which gguf cannot be made: .*opt has no GGUF form/,
    );
  });
});

test('a folder becomes an artifact once, with its lineage', async () => {
  const folder = await writeFolder(tinyLlama(), { type: 'bf16' });
  const cacheFolder = temporaryFolder();
  const settings = { modelFolders: [dirname(folder)], cacheFolder };
  const base = await resolveModel(folder, settings, { runs: ['gguf'] });
  const steps = await stepsFor({
    base,
    modelName: 'tiny',
    technique: UNCHANGED,
    runnerKind: 'llama-cpp',
    engine: 'test',
    settings,
  });
  const store = new ArtifactStore({ cacheFolder, artifactBytes: 1e9 });
  const request = { base, steps, cpus: [], timeLimitSeconds: 60 };
  const launcher = doHere({
    convert: async ({ conversion, ...rest }: ConversionTask) =>
      (await CONVERTERS[conversion].load()).convert(rest, () => {}),
  });
  const made = await store.prepare(request, launcher);
  expect(made).toMatchObject({
    base: base.digest,
    recipe: 'convert(gguf)',
    steps: [{ recipe: 'convert(gguf)', digest: made.digest, facts: { type: 'bf16' } }],
  });
  const { facts } = formatOf(made.path).inspect(made.path);
  const { parameters, layers, heads, quantization } = base.facts;
  expect(facts).toMatchObject({ architecture: 'llama', parameters, layers, heads, quantization });
  expect((await store.prepare(request, launcher)).makeSeconds).toBeNull();
});
