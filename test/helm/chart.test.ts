import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHART, CI_FILES, hasHelm, helm, type Manifest, podsOf, renderOnce } from '../support/helm.js';
import { ROOT } from '../support/ridge.js';

const PYTHON = process.env.RIDGEPOINT_CHART_PYTHON ?? '/opt/ridgepoint-charts/bin/python';
const SCHEMAS = join(ROOT, 'test/support/chart-schemas.py');
const hasSchemas = spawnSync(PYTHON, ['-c', 'import kubernetes_validate, cloudcoil']).status === 0;
/** The oldest cluster that the chart is for, and a new one. */
const CLUSTERS = ['1.25', '1.34'];

function validate(named: readonly (readonly [string, unknown])[]): string[] {
  const { status, stdout, stderr } = spawnSync(PYTHON, [SCHEMAS, ...CLUSTERS], {
    input: JSON.stringify(named),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

test('the chart is released with the program', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, unknown>;
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(chart).toMatchObject({ version, appVersion: version });
  // A subchart would have to be fetched: lint and template have to work without a network.
  expect(chart.dependencies).toBeUndefined();
});

describe.skipIf(!hasHelm)('every values file of ci/ (needs helm)', () => {
  test.each(CI_FILES)('%s passes helm lint --strict', (file) => {
    const { code, stdout, stderr } = helm('lint', file);
    expect(code, stdout + stderr).toBe(0);
  });

  test.skipIf(!hasSchemas)(
    'renders objects that Kubernetes, Prometheus Operator and cert-manager take (needs kubernetes-validate)',
    () => {
      const named = CI_FILES.flatMap((file) => renderOnce(file).map((one) => [file, one] as const));
      expect(named.length).toBeGreaterThan(CI_FILES.length * 10);
      // Most files change little: what is the same but for random bytes is validated once.
      const different = new Map(named.map((one) => [JSON.stringify({ ...one[1], data: undefined }), one]));
      expect(validate([...different.values()])).toEqual([]);
    },
    120_000,
  );

  test.skipIf(!hasSchemas)('and these schemas see mistakes (needs kubernetes-validate)', () => {
    const manifests = renderOnce('monitoring-values.yaml');
    const spoiled = (kind: string, spoil: (copy: Manifest) => void): [string, Manifest] => {
      const copy = structuredClone(manifests.find((one) => one.kind === kind)) as Manifest;
      spoil(copy);
      return ['spoiled', copy];
    };
    const found = validate([
      spoiled('DaemonSet', (one) => {
        one.spec.template.spec.containers[0].imagePolicy = 'Always';
      }),
      spoiled('PodMonitor', (one) => {
        one.spec.podMetricsEndpoints[0].intervall = '5s';
      }),
      spoiled('ServiceMonitor', (one) => {
        one.spec.selector = undefined;
      }),
    ]).join('\n');
    expect(found).toMatch(/DaemonSet.*imagePolicy/);
    expect(found).toContain('intervall is no field');
    expect(found).toMatch(/ServiceMonitor.*selector/);
  });

  test('names no label, name or port twice and none too long', () => {
    for (const file of CI_FILES) {
      const manifests = renderOnce(file);
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size, file).toBe(names.length);
      for (const { metadata } of manifests) expect(metadata.name.length).toBeLessThanOrEqual(63);
      for (const { spec } of podsOf(manifests)) {
        const volumes = (spec.volumes as { name: string }[]).map(({ name }) => name);
        expect(new Set(volumes).size).toBe(volumes.length);
        const claims = manifests.flatMap((one) => one.spec?.volumeClaimTemplates ?? []);
        const there = [...volumes, ...claims.map((claim: Manifest) => claim.metadata.name)];
        for (const { name } of spec.containers[0].volumeMounts) expect(there, file).toContain(name);
      }
    }
  });
});
