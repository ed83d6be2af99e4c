import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WORKLOAD_KINDS, workloadNamed } from '../../../agent/workloads/index.js';
import { toFailure } from '../../../core/errors.js';
import { RUNNERS } from '../../../core/runners/index.js';
import { CAPABILITIES } from '../../../core/workloads/capability.js';
import { WORKLOADS } from '../../../core/workloads/index.js';
import { loadRunner } from '../../../engines/runners/index.js';
import { type GeneratorRequest, open } from '../../../engines/runners/runner.js';

describe('descriptions and rooms', () => {
  test('are of the same workloads', () => {
    expect(WORKLOAD_KINDS).toEqual(WORKLOADS.map(({ kind }) => kind));
  });

  test.each(RUNNERS.map((runner) => [runner.kind, runner] as const))(
    '%s opens what it offers',
    async (kind, description) => {
      const runner = await loadRunner(kind);
      expect(runner.kind).toBe(kind);
      const opened = CAPABILITIES.filter((capability) => runner.opener(capability) !== undefined);
      expect(opened.sort()).toEqual([...description.offers].sort());
    },
  );

  test.each(WORKLOADS.map(({ kind, needs }) => [kind, needs] as const))(
    '%s needs what it says it needs',
    async (kind, needs) => expect((await workloadNamed(kind)).needs).toBe(needs),
  );

  test('a runner that plain models are opened by opens the same files', () => {
    for (const { kind, plainRunner, formats } of RUNNERS.filter((runner) => runner.plainRunner !== null)) {
      const other = RUNNERS.find((runner) => runner.kind === plainRunner);
      expect(other?.offers, kind).toContain('language-model');
      for (const format of formats) expect(other?.formats, kind).toContain(format);
    }
  });
});

test('a capability that a runner does not offer is refused with a sentence', async () => {
  const fake = await loadRunner('fake');
  const request = { options: {}, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [], kernel: {} as never };
  const error = await open(fake, 'op', request).then(() => null, toFailure);
  expect(error).toMatchObject({ code: 'impossible-combination', message: 'the runner fake opens no op' });
});

test('each start of the fake runner draws a speed of its own', async () => {
  const fake = await loadRunner('fake');
  const options = { fakeDecodeTokensPerSecond: 1000, fakeJitter: 0, fakeStartSpread: 0.5 };
  const place = { modelPath: null, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] };
  const request: GeneratorRequest = { ...place, options, contextTokens: 100, sequences: 1 };
  const drawn = vi.spyOn(Math, 'random');
  onTestFinished(() => void drawn.mockRestore());
  // What gives a start of 1, 2 and 3 standard deviations: each is slower, and no machine makes it faster than
  // it says.
  for (const deviations of [1, 2, 3]) {
    drawn.mockReturnValueOnce(1 - Math.exp(-(deviations ** 2) / 2)).mockReturnValueOnce(0);
    const model = await open(fake, 'generator', request);
    const ends = await model.steps(Array.from({ length: 6 }, () => Int32Array.of(1)));
    for (const [i, end] of ends.subarray(1).entries())
      expect(end - ends[i]!).toBeGreaterThanOrEqual(0.999e-3 * Math.exp(0.5 * deviations));
  }
});
