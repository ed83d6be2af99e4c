import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSweep } from '../../../core/sweep/parse.js';
import { STRATEGY_NAMES } from '../../../core/sweep/strategies.js';
import { POLICY } from '../../support/experiments.js';
import { forAll } from '../../support/for-all.js';
import { file, structures, sweepOf } from './documents.js';

/** One line per error: `line:column path: message [suggestion]`. */
function errorsOf(source: string): string[] {
  const parsed = parseSweep(source);
  if (parsed.ok) return [];
  return parsed.diagnostics.map((m) => {
    const guess = m.suggestion === null ? '' : ` [${m.suggestion}]`;
    return `${m.line}:${m.column} ${m.path}: ${m.message}${guess}`;
  });
}

describe('a good file', () => {
  test('a search: money buys device-hours, bounds have a side', () => {
    const searchOf = (search: string) => {
      const parsed = parseSweep(`spec:\n  models: builtin:small\n  search: ${search}\n`);
      return parsed.ok ? parsed.sweep.search : parsed.diagnostics.map(({ message }) => message);
    };
    expect(searchOf('{ budget: { money: 5, pricePerDeviceHour: 2 }, seed: 3 }')).toEqual({
      strategy: 'tpe',
      seed: 3,
      budget: { trials: null, deviceHours: 2.5, joules: null },
      leastGainPerDeviceHour: null,
      constraints: [],
      predict: true,
      fidelity: 'full',
    });
    expect(searchOf('{ budget: { money: 5 }, constraints: { modelBytes: {} } }')).toEqual([
      'money and pricePerDeviceHour belong together: name both, or a budget of deviceHours',
      'modelBytes has no bound: give it atMost, atLeast or both',
    ]);
    expect(searchOf('{ constraints: { modelBytes: { atMost: 12 } } }')).toMatchObject({
      constraints: [{ metric: 'modelBytes', atMost: 12, atLeast: null }],
    });
  });

  test('gets every default', () => {
    const sweep = sweepOf(
      'apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: {name: x}\nspec: {models: "builtin:small"}',
    );
    expect(sweep.models).toEqual([{ name: 'small', source: 'builtin:small', digest: null, facts: null }]);
    expect(sweep.measure).toEqual({ ...POLICY, maxSeconds: 0.5, maxStealRatio: 0.02, maxForeignCores: 0.2 });
    expect(sweep.placement).toMatchObject({
      devices: ['cpu'],
      perNode: false,
      blockSize: 16,
      driftControl: true,
      retries: 1,
    });
    expect(sweep.objectives).toEqual([{ metric: 'decodeTokensPerSecond', better: 'max' }]);
    expect(sweep.runners).toHaveLength(1);
    expect(Object.fromEntries(sweep.runners[0]!.axes.map((a) => [a.name, a.values]))).toEqual({
      flashAttention: ['auto'],
      kvCacheTypeK: ['f16'],
      kvCacheTypeV: ['f16'],
      threads: [null],
      batch: [2048],
      ubatch: [512],
      gpuLayers: ['all'],
      mmap: [true],
      cpuBackend: ['shipped'],
      poll: [50],
      gpus: [1],
      splitMode: ['layer'],
      mainGpu: [0],
      tensorSplit: [null],
      rpcServers: [null],
      engine: [null],
      eviction: ['none'],
      kvCacheRotation: [true],
    });
    expect(Object.fromEntries(sweep.workloads[0]!.axes.map((a) => [a.name, a.values]))).toEqual({
      promptTokens: [512],
      generateTokens: [128],
      parallel: [1],
      contextDepth: [0],
    });
  });

  test('may write integers as llama-bench does', () => {
    const sweep = sweepOf(
      file({
        runners: { kind: 'llama-cpp', threads: '1-8*2', gpuLayers: ['0-2', 'all'] },
        workloads: {
          kind: 'latency',
          promptTokens: '128-1024*2',
          generateTokens: ['1-8+3', 100],
          parallel: '2',
        },
      }),
    );
    const axes = Object.fromEntries(
      [...sweep.runners, ...sweep.workloads].flatMap((b) => b.axes.map((a) => [a.name, a.values])),
    );
    expect(axes).toMatchObject({
      threads: [1, 2, 4, 8],
      gpuLayers: [0, 1, 2, 'all'],
      promptTokens: [128, 256, 512, 1024],
      generateTokens: [1, 4, 7, 100],
      parallel: [2],
    });
  });

  test('names models after their source', () => {
    const models = [
      'builtin:tiny',
      'llms/llama-1b.Q4_K_M.gguf',
      'hf:owner/repo-GGUF:Q8_0',
      'https://x.org/a/m.gguf?download=1',
    ];
    expect(sweepOf(file({ models })).models.map((model) => model.name)).toEqual([
      'tiny',
      'llama-1b.Q4_K_M',
      'repo-GGUF-Q8_0',
      'm',
    ]);
  });

  test('lets the written one of minRepeats and maxRepeats win over the other default', () => {
    expect(sweepOf(file({ measure: { maxRepeats: 2 } })).measure.minRepeats).toBe(2);
    expect(sweepOf(file({ measure: { minRepeats: 20 } })).measure.maxRepeats).toBe(20);
  });
});

describe('how often an experiment is measured', () => {
  const startsPolicy = (measure: Record<string, unknown>) => sweepOf(file({ measure })).startsPolicy;

  test('is written under measure and is no part of the policy of an experiment', () => {
    expect(startsPolicy({ starts: 4, retryInvalid: 0 })).toEqual({
      starts: 4,
      maxStarts: 4,
      retryInvalid: 0,
    });
    expect(startsPolicy({ starts: 2, maxStarts: 8 })).toMatchObject({ starts: 2, maxStarts: 8 });
    expect(startsPolicy({})).toEqual({ starts: 3, maxStarts: 3, retryInvalid: 2 });
    // Whoever writes one of the two means it.
    expect(startsPolicy({ maxStarts: 1 })).toMatchObject({ starts: 1, maxStarts: 1 });
    expect(sweepOf(file({ measure: { starts: 4 } })).measure).toEqual(sweepOf(file({})).measure);
  });
});

test('a file of a model and nothing else is a sweep, named after it', () => {
  const sweep = sweepOf('spec: { models: "llms/llama-1b+x.Q4_K_M.gguf" }');
  expect(sweep).toMatchObject({
    apiVersion: 'ridgepoint.dev/v1',
    kind: 'Sweep',
    name: 'llama-1b-x.Q4_K_M',
    labels: {},
  });
  expect(sweep).toEqual(
    sweepOf(`apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: llama-1b-x.Q4_K_M }
spec: { models: "llms/llama-1b+x.Q4_K_M.gguf" }`),
  );
});

describe('a bad file', () => {
  test('gets every error at once, in the order of the text, with its place', () => {
    const source = `apiVersion: ridgepoint.dev/v2
kind: Sweep
metadata: { nmae: bad }
spec:
  models:
    - { name: a, source: x.gguf }
    - { name: a, source: y.gguf }
  techniques: { quantization: [f16, Q4_K_M, iq2_xs], sparsity: wanda }
  runners:
    - kind: llama-cpp
      flashAtention: [true]
      kvCacheTypeV: [q8_0, q8_0]
      threads: 0
      n_batch: 4
  workloads:
    - kind: latency
      promptTokens: "1024-128"
      generateTokens: []
      parallel: [1, 2, 3]
  zip:
    - [parallel, kvCacheTypeK]
    - [parallel, turbo]
  exclude:
    - { parallel: 5 }
    - { fakeJitter: 0.1 }
  search: { strategy: luck, budget: { trials: 0, money: 5 } }
  objectives: { decodeTokenPerSecond: max }
  measure: { confidence: 95 }
`;
    expect(errorsOf(source)).toEqual([
      '1:13 apiVersion: apiVersion must be ridgepoint.dev/v1, not "ridgepoint.dev/v2" [did you mean ridgepoint.dev/v1?]',
      '3:11 metadata.name: name is missing: it must be a name of at most 63 letters, digits, dots and dashes',
      '3:13 metadata.nmae: "nmae" is not a key here [did you mean name?]',
      '7:7 spec.models[1]: two models have the name a: give each a name of its own',
      '8:37 spec.techniques.quantization[1]: quantization must be one of 42 types, not "Q4_K_M" [did you mean q4_k_m?]',
      '8:45 spec.techniques.quantization[2]: quantization iq2_xs needs an importance matrix: name the text it is made of [did you mean iq2_xs?importance=builtin:sample?]',
      '8:64 spec.techniques.sparsity: sparsity wanda does not say how much: write a share, such as wanda:50%, or N:M, such as wanda:2:4 [did you mean wanda:50%?]',
      '11:7 spec.runners[0].flashAtention: "flashAtention" is not a key here [did you mean flashAttention?]',
      '12:28 spec.runners[0].kvCacheTypeV[1]: kvCacheTypeV has the value "q8_0" twice: remove one',
      '13:16 spec.runners[0].threads: threads must be an integer from 1 to 512, null or a range such as "128-1024*2", not 0',
      '14:7 spec.runners[0].n_batch: "n_batch" is not a key here [did you mean batch?]',
      '17:21 spec.workloads[0].promptTokens: promptTokens: "1024-128" ends before it begins: write the smaller number first',
      '18:23 spec.workloads[0].generateTokens: generateTokens is an empty list: give at least one value or leave it out',
      '21:7 spec.zip[0]: axes that walk together need as many values each, but these have: parallel 3, kvCacheTypeK 1',
      '22:8 spec.zip[1][0]: the axis parallel is zipped twice: name it once',
      '22:18 spec.zip[1][1]: zip must be the name of an axis, such as threads or promptTokens, not "turbo"',
      '24:19 spec.exclude[0].parallel: 5 is not a value of parallel in this sweep; it has 1, 2, 3',
      '25:9 spec.exclude[1].fakeJitter: no runner or workload of this sweep has the axis fakeJitter',
      `26:23 spec.search.strategy: strategy must be ${STRATEGY_NAMES.slice(0, -1).join(', ')} or ${STRATEGY_NAMES.at(-1)}, not "luck"`,
      '26:47 spec.search.budget.trials: trials must be an integer from 1 to 10000000, not 0',
      '27:17 spec.objectives.decodeTokenPerSecond: "decodeTokenPerSecond" is not a key here [did you mean decodeTokensPerSecond?]',
      '28:26 spec.measure.confidence: confidence must be a number from 0.5 to 0.999, not 95',
    ]);
  });

  test.each([
    ['kind: [1, 2', /^1:12 : YAML: /],
    ['kind: 1\n---\nb: 2', /YAML: /],
    [file({}).replace('"kind":"Sweep",', '"kind":"Sweep","kind":"Sweep",'), /YAML: Map keys must be unique/],
    [file({ models: [] }), /spec\.models: models is an empty list/],
    [
      file({
        models: [
          { name: 'a', source: 'x' },
          { name: 'b', source: 'x' },
        ],
      }),
      /the model b has a source that is there already/,
    ],
    [file({ models: 'synthetic:llama-3.2-1b?layer=4' }), /no parameter "layer"\. Did you mean layers\?/],
    [file({ models: [{ source: 'synthetic:lama-3.2-1b' }] }), /Did you mean llama-3\.2-1b\?/],
    [file({ models: [{ source: 'x', digest: 'md5:1' }] }), /digest must be "sha256:" and 64 hex digits/],
    [
      file({ runners: [{ kind: 'llama' }] }),
      /kind must be llama-cpp, ggml, sparse, fake, kernels, .* or vllm, not "llama" \[did you mean llama-cpp\?\]/,
    ],
    [
      file({ runners: [{ kind: 'llama-cpp', flashAttention: 'on' }] }),
      /must be true, false or auto, not "on" \[did you mean true\?\]/,
    ],
    [
      file({ runners: [{ kind: 'llama-cpp', threads: '1-1000' }] }),
      /threads: "1-1000" reaches 513, which is out of range/,
    ],
    [
      file({ workloads: [{ kind: 'latency', promptTokens: '1-100000' }] }),
      /has more than 10000 values: use a larger step/,
    ],
    [file({ workloads: [{ kind: 'latency', promptTokens: '0-8*2' }] }), /never moves on/],
    [
      file({ placement: { device: 'gpu' } }),
      /device must be a device class such as cpu.*\[did you mean cuda\?\]/,
    ],
    [file({ quality: {} }), /spec\.quality: quality asks nothing: name a text/],
    [file({ quality: { text: 'x', stride: 8 } }), /stride is for strided windows, and these are llama/],
    [file({ techniques: { lora: 'x' } }), /"lora" is not a key here/],
    [
      file({ techniques: { attention: 'gqa' } }),
      /attention must be base, mqa.*\[did you mean kv-heads:2\?\]/,
    ],
    [
      file({ techniques: { adapter: 'a.gguf?mode=melted' } }),
      /mode of "a\.gguf\?mode=melted" must be attached or/,
    ],
    [
      file({ techniques: { quantization: { type: 'q4_k_m', outputTyp: 'q8_0' } } }),
      /"outputTyp" is not a key here \[did you mean outputType\?\]/,
    ],
    [file({ techniques: { quantization: 'q4_k_m?pure=yes' } }), /pure of .* must be true or false/],
    [file({ objectives: {} }), /objectives is empty: name a metric/],
    [file({ measure: { minRepeats: 5, maxRepeats: 4 } }), /minRepeats is 5 but maxRepeats is 4/],
    [file({ measure: { starts: 5, maxStarts: 4 } }), /maxStarts is 4 but starts is 5: raise maxStarts/],
    [file({ measure: { starts: 0 } }), /starts must be /],
    [file({ exclude: [{}] }), /this names no axis/],
    [
      file({ exclude: [{ flashAttention: true }] }),
      /true is not a value of flashAttention in this sweep; it has "auto"/,
    ],
    [file({ exclude: [{ fakeJitter: 0.1 }] }), /no runner or workload of this sweep has the axis fakeJitter/],
    [file({ exclude: [{ node: 'a' }] }), /"node" is not a key here/],
    [
      file({
        runners: [{ kind: 'llama-cpp' }, { kind: 'fake' }],
        exclude: [{ fakeJitter: 0.01, flashAttention: 'auto' }],
      }),
      /this matches no point/,
    ],
    [
      file({
        runners: [{ kind: 'llama-cpp' }, { kind: 'fake' }],
        include: [{ fakeJitter: 0.5, flashAttention: true }],
      }),
      /this adds no point/,
    ],
    [
      file({ points: [{ name: 'a', threads: [1, 2] }] }),
      /threads has 2 values, and a point has one: write a point for each, or an include/,
    ],
    [file({ points: [{ name: 'a' }] }), /this names no axis/],
    [
      file({ points: [{ name: 'a', fakeJitter: 0 }] }),
      /no runner or workload of this sweep has the axis fakeJitter/,
    ],
    [file({ points: [{ threads: 2 }] }), /name is missing: it must be a name of at most 63/],
    [file({ points: [{ name: 'a', thread: 2 }] }), /"thread" is not a key here \[/],
    [
      file({ include: [{ name: 'a', threads: 4 }], points: [{ name: 'a', threads: 2 }] }),
      /two entries have the name "a": give each one of its own/,
    ],
    [
      file({
        points: [
          { name: 'a', threads: 2 },
          { name: 'b', threads: 2, poll: 50 },
        ],
      }),
      /"b" is the same point as "a": remove one/,
    ],
    [
      file({
        runners: [{ kind: 'llama-cpp' }, { kind: 'fake' }],
        points: [{ name: 'a', runner: 'fake', threads: 2 }],
      }),
      /this is no point: no runner and workload of this sweep have all of these axes/,
    ],
    [file({ include: [{ model: 'b' }] }), /"b" is no model of this sweep/],
    [file({ include: [{ runner: 'fake' }] }), /"fake" is no runner of this sweep/],
    [
      file({ zip: [['fakeJitter', 'fakeFailure']] }),
      /no runner and workload of this sweep have all of fakeJitter, fakeFailure/,
    ],
    [file({ zip: [['parallel', 'parallel']] }), /the axis parallel is zipped twice/],
    [
      file({
        workloads: [
          { kind: 'latency', promptTokens: '1-10000', generateTokens: '1-10000', contextDepth: '1-10000' },
        ],
        runners: { kind: 'llama-cpp', batch: '1-10000' },
      }),
      /points, more than 10\^15/,
    ],
  ])('%#: %.60s', (source, expected) => {
    const errors = errorsOf(source);
    expect(errors.join('\n')).toMatch(expected);
    expect(errors).toHaveLength(1);
  });

  test('cannot exhaust the reader', () => {
    const bomb = ['a: &a [x, x]'];
    for (let i = 1; i < 26; i++)
      bomb.push(
        `${String.fromCharCode(97 + i)}: &${String.fromCharCode(97 + i)} [*${String.fromCharCode(96 + i)}, *${String.fromCharCode(96 + i)}]`,
      );
    expect(errorsOf(bomb.join('\n'))).toEqual([expect.stringMatching(/with what its aliases repeat/)]);
    expect(errorsOf('['.repeat(100_000)).length).toBeGreaterThan(0);
    expect(errorsOf(`a: ${'x'.repeat(2_000_000)}`)).toEqual([
      expect.stringMatching(/longer than 1000000 characters/),
    ]);
    expect(errorsOf('__proto__: { a: 1 }\nconstructor: 2').length).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test('never makes the parser throw, whatever is put where', () => {
    const weird = fc.oneof(
      fc.anything({ maxDepth: 2 }),
      fc.constantFrom(null, [], {}, [[]], '1-', '-', 1e308, -1, ''),
    );
    forAll(150, [structures, fc.nat(), weird], (document, at, value) => {
      const places: [Record<string | number, unknown>, string | number][] = [];
      const visit = (node: unknown) => {
        if (typeof node !== 'object' || node === null) return;
        for (const key of Object.keys(node)) {
          places.push([node as Record<string, unknown>, key]);
          visit((node as Record<string, unknown>)[key]);
        }
      };
      visit(document);
      const [parent, key] = places[at % places.length]!;
      parent[key] = value;
      const parsed = parseSweep(JSON.stringify(document, (_, v) => (typeof v === 'bigint' ? String(v) : v)));
      if (!parsed.ok) {
        expect(parsed.diagnostics.length).toBeGreaterThan(0);
        for (const error of parsed.diagnostics) expect(error.message).not.toMatch(/undefined|\[object/);
      }
    });
  }, 60_000);
});
