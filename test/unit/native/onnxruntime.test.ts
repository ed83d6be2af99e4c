import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { bare } from '../../../engines/native/onnxruntime/api.js';
import { FUNCTIONS, NEWEST, OLDEST, PLAIN_RESULTS } from '../../../engines/native/onnxruntime/functions.js';
import { findLibraries, runtimesSchema } from '../../../engines/native/onnxruntime/libraries.js';
import { readProfile } from '../../../engines/native/onnxruntime/profile.js';
import { hasGcc } from '../../support/c-stub.js';
import { temporaryFolder } from '../../support/folder.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

const header = process.env.RIDGEPOINT_ONNXRUNTIME_HEADER;

describe('the table of functions', () => {
  test.skipIf(header === undefined || !hasGcc)(
    'has the places that a C compiler finds in the header (needs gcc and RIDGEPOINT_ONNXRUNTIME_HEADER)',
    () => {
      const source = join(folder, 'places.c');
      const program = join(folder, 'places');
      const names = Object.keys(FUNCTIONS);
      const line = (name: string) => `printf("${name} %zu\\n", offsetof(OrtApi, ${name}) / sizeof(void *));`;
      writeFileSync(
        source,
        `#include <stddef.h>\n#include <stdio.h>\n#include "onnxruntime_c_api.h"\nint main(void) {\n${names.map(line).join('\n')}\n}\n`,
      );
      execFileSync('gcc', ['-I', dirname(header!), '-o', program, source]);
      const found = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
      expect(found).toEqual(Object.entries(FUNCTIONS).map(([name, [place]]) => `${name} ${place}`));
    },
  );

  test('has each place once, in order, and no function that a release may lack before its own', () => {
    const places = Object.values(FUNCTIONS).map(([place]) => place);
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    for (const [name, [, since, args]] of Object.entries(FUNCTIONS)) {
      expect(since, name).toBeLessThanOrEqual(NEWEST);
      expect(args, name).toMatch(/^[psfiz]+$/);
      if (name.startsWith('Release') && name !== 'ReleaseAvailableProviders')
        expect(PLAIN_RESULTS, name).toHaveProperty(name);
    }
    expect(OLDEST).toBeGreaterThanOrEqual(12);
  });
});

test('what ONNX Runtime says is told without its own sources', () => {
  expect(
    bare(
      'Load model from /models/a.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:149 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const onnxruntime::IOnnxRuntimeOpSchemaRegistryList*, const onnxruntime::logging::Logger&, const onnxruntime::ModelOptions&) Unsupported model IR version: 99, max supported IR version: 13\n',
    ),
  ).toBe('Unsupported model IR version: 99, max supported IR version: 13');
  expect(
    bare(
      '/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library libx.so with error: no such file\\n',
    ),
  ).toBe('Failed to load library libx.so with error: no such file');
});

test('libraries are those of the configuration, then the one that comes with the clone', () => {
  const plugins = { MyProvider: '/opt/my.so' };
  const configured = runtimesSchema.parse({
    cuda13: { library: '/opt/libonnxruntime.so' },
    mine: { plugins },
  });
  const found = findLibraries(configured);
  expect(found[0]).toEqual({ name: 'cuda13', file: '/opt/libonnxruntime.so', plugins: {} });
  const shipped = found.find(({ name }) => name === null);
  if (shipped !== undefined) {
    expect(shipped.file).toMatch(/libonnxruntime\./);
    expect(found[1]).toEqual({ name: 'mine', file: shipped.file, plugins });
  }
  expect(runtimesSchema.safeParse({ 'Not A Name': {} }).success).toBe(false);
});

test.each(['ends', 'starts'])(
  'a profile by %s gives the operators of each run, with what they moved and asked',
  (order) => {
    const event = (name: string, cat: string, ts: number, dur: number, args: object) =>
      JSON.stringify({ cat, pid: 1, tid: 1, dur, ts, ph: 'X', name, args });
    const sizes = { activation_size: '48', parameter_size: '2048', output_size: '96' };
    const product = {
      op_name: 'MatMul',
      provider: 'CPUExecutionProvider',
      input_type_shape: [{ float: [1, 3, 4] }, { float: [4, 8] }],
      output_type_shape: [{ float: [1, 3, 8] }],
      ...sizes,
    };
    const file = join(folder, 'profile.json');
    const [load, inner, outer, one, row, two] = [
      event('session_initialization', 'Session', 0, 9, {}),
      event('/model/layers.1/self_attn/q_proj/MatMul_kernel_time', 'Node', 12, 5, product),
      event('branches_kernel_time', 'Node', 10, 20, { ...product, op_name: 'If' }),
      event('model_run', 'Session', 9, 30, {}),
      event('/model/embed_tokens/Gather_kernel_time', 'Node', 42, 2, { ...product, op_name: 'Gather' }),
      event('model_run', 'Session', 41, 5, {}),
    ];
    // Releases write events as they end, or as they began.
    const lines =
      order === 'ends' ? [load, inner, outer, one, row, two] : [load, one, outer, inner, two, row];
    writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`);
    const [first, second] = readProfile(file);
    expect(first).toMatchObject([
      // What runs inside of it is counted there.
      { op: 'If', seconds: 15e-6 },
      {
        module: 'qkv',
        operator: 'q_proj',
        op: 'MatMul',
        seconds: 5e-6,
        bytes: 48 + 2048 + 96,
        flops: 2 * 3 * 4 * 8,
        shape: 'float 1×3×4, float 4×8',
        provider: 'CPUExecutionProvider',
      },
    ]);
    // A row is taken of a table, which is not read as a whole.
    expect(second).toMatchObject([
      { module: 'embedding', operator: 'embed_tokens', op: 'Gather', bytes: 192 },
    ]);
  },
);
