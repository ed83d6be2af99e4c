import { expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import { gpuRow } from '../../support/gpu-rows.js';
import { GIVEN } from '../../support/roofline.js';
import { servedRequests, servingRecordOf } from '../../support/served-records.js';
import { calmInput, experiment } from '../judgement/trace.js';

const ASKED = {
  ...experiment,
  runner: { kind: 'vllm', options: {} },
  workload: { kind: 'serving', options: { arrival: 'closed', concurrency: 4, sharedPrefix: 0 } },
};

function judgedOn(device: string, kind = 'vllm') {
  const asked = { ...ASKED, runner: { kind, options: {} } };
  const input = calmInput({ experiment: asked });
  return judge({
    ...input,
    device: { ...input.device, name: device },
    roofs: null,
    given: { ...input.given, roofline: { ...GIVEN, factors: null } },
    phases: [{ name: 'serve', repeat: 0, startSeconds: 1, endSeconds: 11, tokens: 1600 }],
    tokenSeconds: [],
    serving: servingRecordOf(servedRequests({ concurrency: 4 })),
  });
}

test('a row of vLLM on an H100 has its phases predicted by the tables, with their source and band', () => {
  const { roofline, measurements } = judgedOn('NVIDIA H100 80GB HBM3');
  expect(roofline).toMatchObject({
    factors: null,
    predictedBy: expect.stringMatching(
      /^tables of vLLM 0\.24\.0 on NVIDIA H100 SXM 80GB, host times fitted on \d+ measured servers$/,
    ),
  });
  for (const name of ['predictedPrefillSeconds', 'predictedTimePerOutputTokenSeconds'] as const) {
    const found = measurements[name];
    if (found?.value == null) throw new Error(`${name} is missing`);
    const { value, ci95, source } = found;
    expect(ci95?.[0]).toBeLessThan(value);
    expect(ci95?.[1]).toBeGreaterThan(value);
    expect(source).toContain('tables of vLLM 0.24.0');
    expect(source).toContain('host times fitted');
  }
});

test('a server whose engine nobody measured is not predicted', () => {
  const { roofline } = judgedOn('NVIDIA H100 80GB HBM3', 'tgi');
  expect(roofline?.phases.map(({ predictedSeconds }) => predictedSeconds)).not.toContainEqual(
    expect.any(Number),
  );
});

test('what it took is shown in parts: predicted operators and gaps, and the queue by the metrics of the server', () => {
  const partsOf = (row: Parameters<typeof gpuRow>[0]) => {
    const { roofline } = gpuRow(row);
    const of = (phase: string) => roofline!.phases.find(({ name }) => name === phase)!;
    return { prefill: of('prefill'), decode: of('decode') };
  };
  const silent = partsOf({});
  expect(silent.prefill.parts).toMatchObject({ queueSeconds: null });
  expect(silent.decode.parts).toMatchObject({ queueSeconds: 0 });
  for (const { predictedSeconds, parts } of Object.values(silent)) {
    expect(parts!.gapSeconds).toBeGreaterThan(0);
    expect(parts!.operatorSeconds + parts!.gapSeconds!).toBeCloseTo(predictedSeconds!, 12);
  }
  // Little's law: two that wait, where so many come in a second.
  const { measurements } = gpuRow({ waiting: 2 });
  const perSecond = measurements.requestsPerSecond!.value!;
  expect(partsOf({ waiting: 2 }).prefill.parts!.queueSeconds).toBeCloseTo(2 / perSecond, 1);
});

test('the release that a server says of itself chooses its tables, and another one is said', () => {
  const sourceOf = (serverRelease: string) => {
    const { roofline } = gpuRow({ serverRelease });
    return [roofline!.predictedBy, roofline!.phases[0]!.predictionError!.beyond.join('; ')] as const;
  };
  expect(sourceOf('vllm 0.24.0')[0]).toMatch(/^tables of vLLM 0\.24\.0 on NVIDIA H100 SXM 80GB, host times /);
  const [source, beyond] = sourceOf('vllm 0.33.0');
  expect(`${source} ${beyond}`).toMatch(/0\.33\.0|taken from tables of .*0\.24\.0/);
  expect(beyond).not.toBe(sourceOf('vllm 0.24.0')[1]);
});
