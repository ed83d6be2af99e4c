import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NodeStores } from '../../../agent/door/node.js';
import { fitMissing, measureMissing } from '../../../agent/door/roofs.js';
import { NodeFactors } from '../../../agent/factors/node-factors.js';
import { cpuEnvironment } from '../../../agent/roofs/environment.js';
import type { RoofsMeasurer } from '../../../agent/roofs/measurer.js';
import type { Launcher } from '../../../artifacts/files/build-file.js';
import { askedOfFactors } from '../../../cli/factors/asked.js';
import { unlessTerminated } from '../../../cli/interrupts.js';
import { FOREGROUND } from '../../../cli/single/foreground.js';
import { openSweep } from '../../../cli/sweep-file.js';
import type { ThisNode } from '../../../cli/this-node.js';
import { type FailureCode, failure } from '../../../core/errors.js';
import type { DeviceProfile } from '../../../core/experiment/node.js';
import type { Roofs } from '../../../core/result/roofs.js';
import { recordRoofsOf } from '../../../core/result/roofs-record.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { NO_ENGINES } from '../../../engines/config.js';
import type { FactorSamples } from '../../../roofline/factors/sample.js';
import { productWork } from '../../../roofline/factors/sample.js';
import { trialContext } from '../../support/bench.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';
import { sampleRoofs } from '../roofs/sample.js';

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
});
afterEach(() => vi.restoreAllMocks());

const device: DeviceProfile = {
  id: 'cpu0',
  classes: ['cpu', 'cpu:x'],
  name: 'a',
  memoryBytes: 1e9,
  cpus: [0, 1],
};
const DISTURBED = [{ code: 'disturbed' as const, message: 'others ran' }];

function nodeIn(folder: string): ThisNode {
  const profile = { ...trialContext().profile, devices: [device] };
  const engines = NO_ENGINES;
  return { profile, sysRoot: '/sys', engines, ...new NodeStores(folder) };
}

/** What a child that timed products of these types would tell. */
function samplesOf(threads: number, types: readonly string[]): Partial<FactorSamples> {
  const operators = types.flatMap((weights) =>
    ([1, 8] as const).flatMap((rows) =>
      [8e6, 192e6].map((workingSet) => {
        const work = productWork(weights, 1024, 1024, rows);
        const seconds = (work.traffic.weightsRead + work.traffic.activationsRead) / 10e9 + work.flops / 1e11;
        return {
          threads,
          group: { kind: 'product', weights } as const,
          work,
          tokens: rows,
          queries: rows,
          workingSet,
          seconds,
        };
      }),
    ),
  );
  const engine = { engine: 'llama.cpp v1', engineBuild: '0123456789abcdef' };
  return { ...engine, operators };
}

/** A node whose roofs were measured, and a child that ends so: what runs find there, one after the other. */
async function machine(roofs: Partial<Roofs> = {}) {
  const node = nodeIn(temporaryFolder());
  const stored = await node.store.put(sampleRoofs({ environment: cpuEnvironment(device), ...roofs }));
  const { factors } = node;
  const state = {
    ends: null as FailureCode | null,
    disturbed: null as string | null,
    partly: false,
    /** The second child of a run ends well. */
    recovers: false,
    engine: 'llama.cpp v1',
    begun: [] as { threads: number[]; types: string[] }[],
  };
  const launcher = (({ task, onMessage }) => {
    const asked = task.request as { threads: number[]; types: string[] };
    state.begun.push({ threads: asked.threads, types: asked.types });
    if (state.recovers && state.begun.length === 2) state.ends = null;
    const types = state.partly ? asked.types.slice(0, 1) : asked.types;
    const of = asked.types.length;
    if (state.ends === null || state.partly)
      onMessage?.({ type: 'timed', done: types.length, of, ...samplesOf(asked.threads[0]!, types) } as never);
    const facts = { exitCode: 0, signal: null, stderrTail: null, memoryGuard: 'none' } as const;
    const ending =
      state.ends === null
        ? { answer: state.disturbed, failure: null }
        : { answer: null, failure: failure(state.ends, 'it ended') };
    return { ended: Promise.resolve({ ...facts, ...ending }) };
  }) as Launcher;
  const run = async (
    asked: { threads?: (number | null)[]; types?: string[] } = {},
    ended = new AbortController().signal,
  ) => {
    state.begun = [];
    const foreground = { ...FOREGROUND, launcher };
    const all = { threads: [null], types: [], ...asked };
    await fitMissing(node, all, 20, ended, foreground, state.engine);
    return state.begun;
  };
  return { state, run, stored, kept: async () => (await factors.find('cpu0'))?.factors ?? null, factors };
}

const FEW = ['f16', 'q8_0', 'q6_k', 'q4_k'];

test('a first run fits all CPUs and a few types, and the next one nothing', async () => {
  const { run, kept } = await machine();
  expect(await run()).toEqual([{ threads: [2], types: FEW }]);
  expect(said.join('')).toMatch(/^fitting how near .* of cpu0: 20 s at most; .*--no-roofs never fits\n/s);
  expect((await kept())?.threads.map(({ threads }) => threads)).toEqual([2]);
  expect(await run()).toEqual([]);
});

test('a run whose threads or types are not among them adds those, once, and leaves the others', async () => {
  const { run, kept } = await machine();
  await run();
  const before = (await kept())!;
  const asked = { threads: [1, null, 64], types: ['q8_0', 'q5_k'] };
  expect(await run(asked)).toEqual([
    { threads: [1], types: [...FEW, 'q5_k'] },
    { threads: [2], types: ['q5_k'] },
  ]);
  expect(said.join('')).toMatch(/of cpu0, for runs on 1 thread and weights of q5_k: 20 s at most/);
  const [one, two] = (await kept())!.threads;
  expect(Object.keys(one!.products).sort()).toEqual([...FEW, 'q5_k'].sort());
  expect(Object.keys(two!.products).sort()).toEqual([...FEW, 'q5_k'].sort());
  expect(two!.products.f16).toEqual(before.threads[0]!.products.f16);
  expect(await run(asked)).toEqual([]);
});

test('what had no time is left out, and what a child had when its time was over is kept', async () => {
  const { run, kept, state } = await machine();
  state.partly = true;
  state.ends = 'timed-out';
  await run();
  expect(Object.keys((await kept())!.threads[0]!.products)).toEqual(['f16']);
  expect((await kept())!.caveats).toContain('there was no time for 3 benches: predictions lie farther off');
  // The next run adds what is lacking.
  state.ends = null;
  expect(await run({ types: ['f16', 'q4_k'] })).toEqual([{ threads: [2], types: ['q4_k'] }]);
  expect(await run({ types: ['f16', 'q4_k'] })).toEqual([]);
});

test('factors of a disturbed machine are marked, and stay until somebody fits them again', async () => {
  const { run, kept, state } = await machine();
  state.disturbed = 'others ran';
  await run();
  expect((await kept())?.warnings).toEqual(DISTURBED);
  expect(await run()).toEqual([]);
});

test('factors of another engine predict nothing, and are fitted again', async () => {
  const { run, kept, stored, factors } = await machine();
  await run();
  const roofs = recordRoofsOf(stored.roofs, stored.id);
  const here = await NodeFactors.read(factors, ['cpu0'], 'llama.cpp v2');
  expect(here.forDevice('cpu0', roofs)).toBeNull();
  expect(here.absenceReason('cpu0')).toMatch(
    /^the engine \(llama\.cpp v1 then, llama\.cpp v2 now\) changed since/,
  );
  expect((await NodeFactors.read(factors, ['cpu0'], 'llama.cpp v1')).forDevice('cpu0', roofs)).not.toBeNull();
  expect(
    (await NodeFactors.read(factors, ['cpu0'], 'llama.cpp v1')).forDevice('cpu0', { ...roofs, id: '' }),
  ).toBeNull();
  await factors.put({ ...(await kept())!, engine: 'llama.cpp v0' });
  expect(await run()).toEqual([{ threads: [2], types: FEW }]);
  expect((await kept())?.engine).toBe('llama.cpp v1');
});

test('a fit that comes to nothing is tried by the next run, and none is begun when the run has ended', async () => {
  const { run, kept, state } = await machine();
  expect(await run({}, AbortSignal.abort())).toEqual([]);
  state.ends = 'crashed';
  expect(await run()).toHaveLength(1);
  expect(said.at(-1)).toBe('no factors of cpu0: it ended; `ridge factors` fits them at leisure\n');
  expect(await run()).toHaveLength(1);
  expect(await kept()).toBeNull();
});

test('a fit that timed nothing beside others is tried once more in the same run, in twice the time', async () => {
  const { run, kept, state } = await machine();
  state.ends = 'timed-out';
  expect(await run()).toHaveLength(2);
  expect(said.at(-2)).toMatch(
    /^no operator was timed in [\d.]{4} s, since others have the CPUs: tried once more, for [\d.]{4} s at most\n$/,
  );
  expect(said.at(-1)).toMatch(/^no factors of cpu0: it ended/);
  expect(await kept()).toBeNull();
  state.recovers = true;
  expect(await run()).toHaveLength(2);
  expect((await kept())?.threads.map(({ threads }) => threads)).toEqual([2]);
});

test('what a run asks of factors is what its rows on fitted runners have', () => {
  const asked = (spec: string) => {
    const parsed = sound(parseSweep(`spec: { models: ["builtin:tiny", "builtin:none"], ${spec} }`));
    return askedOfFactors(parsed.sweep, []);
  };
  expect(askedOfFactors(openSweep('builtin:tiny').sweep, [])).toEqual({ threads: [null], types: ['f16'] });
  expect(
    asked(
      'techniques: { quantization: [base, q5_k_m] }, runners: [{ kind: llama-cpp, threads: [1, 2] }, { kind: fake }]',
    ),
  ).toEqual({ threads: [1, 2], types: ['f16', 'q6_k', 'q5_k'] });
  expect(asked('runners: { kind: fake }')).toBeNull();
});

test('roofs are measured where none of this machine are kept; those of a disturbed one are marked, and stay', async () => {
  const node = nodeIn(temporaryFolder());
  const state = { kernel: '1', measured: 0 };
  const measurer: RoofsMeasurer = {
    classes: ['cpu'],
    environment: () => ({ kernel: state.kernel }),
    async measure() {
      const measuredAt = new Date(Date.UTC(2026, 0, 1, 0, 0, ++state.measured)).toISOString();
      return sampleRoofs({ environment: { kernel: state.kernel }, warnings: DISTURBED, measuredAt });
    },
  };
  const run = async (ended = new AbortController().signal) => {
    const before = state.measured;
    await measureMissing(node, ended, FOREGROUND, () => measurer);
    return state.measured - before;
  };
  expect(await run(AbortSignal.abort())).toBe(0);
  expect(await run()).toBe(1);
  expect(said.at(-1)).toMatch(/^measuring the roofs of cpu0: once on this machine, about 10 s; Ctrl-C/);
  expect(await run()).toBe(0);
  state.kernel = '2';
  expect(await run()).toBe(1);
  expect(said.at(-1)).toMatch(/^measuring the roofs of cpu0 again, since kernel changed: about 10 s/);
});

test('SIGTERM ends a run before it has begun', async () => {
  const before = process.listenerCount('SIGTERM');
  const heard: boolean[] = [];
  const during = (signal?: NodeJS.Signals) =>
    unlessTerminated(async (ended) => {
      const listeners = process.listeners('SIGTERM');
      if (signal === 'SIGTERM') listeners.at(-1)!('SIGTERM');
      heard.push(ended.aborted);
    });
  expect(await during()).toBe(false);
  expect(await during('SIGTERM')).toBe(true);
  expect(heard).toEqual([false, true]);
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
