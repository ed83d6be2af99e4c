import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { linearsOf } from '../../artifacts/calibration/blocks.js';
import { passModel } from '../../artifacts/calibration/collect.js';
import { type WalkRequest, walkLayers } from '../../artifacts/calibration/walk.js';
import type { Options } from '../../core/experiment/experiment.js';
import { runnerNamed } from '../../core/runners/index.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { NO_ENGINES } from '../../engines/config.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import type { ConfiguredRpc } from '../../engines/native/llama-cpp/rpc-config.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { apart } from '../support/apart.js';
import { lease, trialContext } from '../support/bench.js';
import { sharedFolder } from '../support/folder.js';
import { writeMixture } from '../support/mixture.js';
import { findRpcParts, RPC_NEEDS, startRpcServer } from '../support/rpc-servers.js';
import { modelPath, prompt } from './loading.js';

const folder = sharedFolder();
const parts = kernelsLibrary() === null ? null : findRpcParts();
const children: ChildProcess[] = [];
let rpc: ConfiguredRpc;
beforeAll(async () => {
  if (parts === null) return;
  const [desk, attic] = [await startRpcServer(parts, 1), await startRpcServer(parts, 1)];
  children.push(desk.child, attic.child);
  rpc = { library: parts.library, servers: { desk: desk.address, attic: attic.address } };
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** The last one is longer than what is run at once. */
const sequences = [prompt(96, 1), prompt(40, 2), prompt(600, 3)];
const over = (server: string): ObservedPlace => ({
  ...ON_CPU,
  rpcServers: [server],
  engines: { ...NO_ENGINES, rpc },
});

type Statistics = ReadonlyMap<string, ChannelStatistics>;

async function pass(model: string, place: ObservedPlace): Promise<Statistics> {
  const linears = linearsOf(readGgufHeader(model), () => true);
  return await passModel({ modelPath: model, linears, sequences, threads: 1, place });
}

/** Another build of the same arithmetic rounds otherwise. */
function expectNear(found: Statistics, others: Statistics): void {
  expect([...found.keys()]).toEqual([...others.keys()]);
  for (const [name, statistics] of found) {
    const other = others.get(name)!;
    expect([statistics.tokens, statistics.sequences], name).toEqual([other.tokens, other.sequences]);
    if (other.tokens > 0) expect(apart(statistics, other), name).toBeLessThan(1e-3);
  }
}

describe.skipIf(parts === null)(`calibration on RPC servers (${RPC_NEEDS}, and the native kernels)`, () => {
  test('has the statistics of the CPU, on one server and over two', { timeout: 120_000 }, async () => {
    const small = modelPath('small');
    const remote = await pass(small, over('desk'));
    expectNear(remote, await pass(small, ON_CPU));
    expect(await pass(small, over('desk/attic'))).toEqual(remote);
  });

  test.each(['llama', 'qwen2moe', 'deepseek2'])(
    'has those of each expert of a mixture (%s), too',
    async (architecture) => {
      const model = await writeMixture(modelPath('tiny'), join(folder, `${architecture}.gguf`), architecture);
      expectNear(await pass(model, over('desk')), await pass(model, ON_CPU));
    },
  );

  test('is the same a block at a time, whose outputs come back', async () => {
    const tiny = modelPath('tiny');
    const walked = new Map<string, ChannelStatistics>();
    const request: WalkRequest = {
      modelPath: tiny,
      sequences,
      order: 'dense',
      wanted: () => true,
      hessians: true,
      threads: 1,
      scratchFolder: join(folder, 'scratch'),
      place: over('desk'),
    };
    await walkLayers(request, ({ name, statistics, hessian }) => {
      walked.set(name, statistics);
      // Twice R, for both are sums of squares per sequence.
      const columns = statistics.variance.length;
      expect(hessian!.values[3 * columns + 3]! / (2 * statistics.squaresPerSequence[3]!)).toBeCloseTo(1, 6);
      return null;
    });
    expect(walked).toEqual(await pass(tiny, over('desk')));
  });

  test.each(['dense&outputError=false', 'sequential'])(
    'is where a trial over a server prunes by activations, order=%s, and its record says so',
    { timeout: 120_000 },
    async (order) => {
      const options = runnerNamed('llama-cpp')!.options.parse({ rpcServers: 'desk', threads: 1 }) as Options;
      const sparsity = `wanda:50%?order=${order}&sequences=2&tokens=64`;
      const point = lease({ technique: { ...UNCHANGED, sparsity }, runner: { kind: 'llama-cpp', options } });
      const record = await startTrial(point, {
        ...trialContext({ limits: { idleSeconds: 0 } }),
        engines: { ...NO_ENGINES, rpc },
      }).done;
      expect(record.failure).toBeNull();
      const { facts } = record.artifact!.steps[0]!;
      expect(facts).toMatchObject({ computedOn: 'RPC0 of desk', calibrationTokens: 128 });
      expect(facts).not.toHaveProperty('computedOnReason');
    },
  );

  test('fails in a sentence where the server is gone', async () => {
    const gone: ObservedPlace = {
      ...over('desk'),
      engines: { ...NO_ENGINES, rpc: { ...rpc, servers: { desk: '127.0.0.1:1' } } },
    };
    await expect(pass(modelPath('tiny'), gone)).rejects.toThrow(
      'the RPC server desk cannot be used: nobody listens there',
    );
  });
});
