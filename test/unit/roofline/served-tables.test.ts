import { expect, test } from 'vitest';
import { judge } from '../../../roofline/judge.js';
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
    predictedBy: 'tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB',
  });
  for (const name of ['predictedPrefillSeconds', 'predictedTimePerOutputTokenSeconds'] as const) {
    const found = measurements[name];
    if (found?.value == null) throw new Error(`${name} is missing`);
    const { value, ci95, source } = found;
    expect(ci95?.[0]).toBeLessThan(value);
    expect(ci95?.[1]).toBeGreaterThan(value);
    expect(source).toContain('tables of vLLM 0.24.0');
    expect(source).toContain('what the host takes');
  }
});

test('a server whose engine nobody measured is not predicted', () => {
  const { roofline } = judgedOn('NVIDIA H100 80GB HBM3', 'tgi');
  expect(roofline?.phases.map(({ predictedSeconds }) => predictedSeconds)).not.toContainEqual(
    expect.any(Number),
  );
});
