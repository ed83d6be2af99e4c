import { expect, test } from 'vitest';
import { EXPORTERS, renderTable } from '../../../cli/output/index.js';
import { type ResultRecord, resultSchema } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { pack, unpack } from '../../../report/payload.js';
import { recompute } from '../../../roofline/judge.js';
import { calmInput, recordOf } from '../judgement/trace.js';

/** @returns a record as release 0.1.0 wrote it: without quality, lineage in steps, and the later techniques. */
function asWrittenBy010(record: ResultRecord): unknown {
  const { quality: _, artifact, experiment, given, ...rest } = structuredClone(record);
  const { quality: _policy, technique, ...point } = experiment;
  const { quantization, sparsity } = technique;
  const { adapterLoadSeconds: _load, ...knew } = given ?? ({} as NonNullable<typeof given>);
  const { steps: _steps, adapters: _adapters, ...file } = artifact ?? ({} as NonNullable<typeof artifact>);
  return {
    ...rest,
    experiment: { ...point, technique: { quantization, sparsity } },
    given: knew,
    artifact: file,
  };
}

test('records of 0.1.0 read, show and are judged again without quality, for the reason that nobody asked', () => {
  const whole = recordOf(calmInput({ quality: null, adapterBytes: null }));
  const record = resultSchema.parse(asWrittenBy010(whole));
  expect(record.quality).toBeNull();
  expect(record.experiment.technique).toMatchObject({ attention: 'base', adapter: 'none' });
  expect(record.artifact).toMatchObject({ steps: [], adapters: [] });

  const again = recompute(record);
  expect(again.measurements.decodeTokensPerSecond).toEqual(whole.measurements.decodeTokensPerSecond);
  expect(again.measurements.perplexity).toEqual({
    value: null,
    unit: 'ratio',
    reason: 'the sweep asks for no quality',
  });
  expect(recompute(again)).toEqual(again);

  const request = {
    sweepName: 'old',
    objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' as const }],
  };
  const report = buildReport([record], request);
  expect(report.rows[0]?.onFront).toBe(true);
  expect(report.metrics.map((m) => m.name)).not.toContain('perplexity');
  expect(renderTable(report, { width: 100, color: false, unicode: true })).toContain('decode');
  for (const exporter of Object.values(EXPORTERS)) expect(exporter.export(report).text).not.toBe('');
  expect(unpack(pack([record], new Set([record.trialId]), request))[0]?.artifact).toEqual(record.artifact);
});
