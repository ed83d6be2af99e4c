import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { AGENT_METRICS } from '../../core/metrics/exported.js';
import { openMetricsText } from '../../core/metrics/text.js';
import { WARNINGS } from '../../core/result/warnings.js';
import { CHART, hasHelm, only, renderOnce } from '../support/helm.js';
import { ROOT } from '../support/ridge.js';
import { installed } from '../support/services.js';

const RULES = join(ROOT, 'dashboards/prometheus');
const files = readdirSync(RULES).filter((name) => name.endsWith('.yaml'));
interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Record<string, string>;
}
const rules = files.flatMap((name) => {
  const { groups } = parse(readFileSync(join(RULES, name), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
});

describe.skipIf(!installed('promtool'))('rules for Prometheus (needs promtool)', () => {
  test('are rules, and fire on what they are for', () => {
    const check = spawnSync('promtool', ['check', 'rules', ...files], { cwd: RULES, encoding: 'utf8' });
    expect(check.status, check.stderr).toBe(0);
    for (const cases of readdirSync(join(RULES, 'tests'))) {
      const words = ['test', 'rules', join('tests', cases)];
      const { status, stdout, stderr } = spawnSync('promtool', words, { cwd: RULES, encoding: 'utf8' });
      expect(status, stdout + stderr).toBe(0);
    }
  });

  test('each alert has a case in which it fires and one in which it does not', () => {
    const cases = parse(readFileSync(join(RULES, 'tests/alerts.yaml'), 'utf8')) as {
      tests: { alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const tested = cases.tests.flatMap((one) => one.alert_rule_test ?? []);
    for (const { alert } of rules.filter((rule) => rule.alert !== undefined)) {
      const own = tested.filter(({ alertname }) => alertname === alert);
      expect(
        own.some(({ exp_alerts }) => exp_alerts.length > 0),
        alert,
      ).toBe(true);
      expect(
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
        alert,
      ).toBe(true);
    }
  });
});

describe('alerts and docs/runbook.md', () => {
  const page = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
  const paragraphs = page.split('\n### ').slice(1);
  const alerts = rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));

  test('each alert has a paragraph, and each paragraph an alert', () => {
    expect(alerts.length).toBeGreaterThan(13);
    expect(paragraphs.map((text) => text.split('\n')[0]).sort()).toEqual([...alerts].sort());
  });

  test('each paragraph says what it means, where to look, what to do, and what is lost otherwise', () => {
    for (const text of paragraphs)
      expect(
        [...text.matchAll(/\*\*(\w+):\*\* \S/g)].map(([, word]) => word),
        text,
      ).toEqual(['Means', 'Look', 'Do', 'Otherwise']);
  });

  test('each alert names its paragraph', () => {
    for (const { alert, annotations } of rules.filter((rule) => rule.alert !== undefined))
      expect(annotations?.runbook_url).toBe(`docs/runbook.md#${alert?.toLowerCase()}`);
  });
});

describe('rules and what is exported', () => {
  let coordinator: RunningCoordinator;
  beforeAll(async () => {
    const log = { kind: 'memory' } as const;
    coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: null,
      log,
      logLevel: 'silent',
    });
  });
  afterAll(() => coordinator.stop('the test is over'));

  test('no rule stands over a metric or a code that nobody exports', async () => {
    // An agent exports what its meters have; the catalogue says what that can be.
    const ofAgents = AGENT_METRICS.map(({ name, kind }) => `# TYPE ${name} ${kind}`);
    const text = `${openMetricsText(await coordinator.families())}\n${ofAgents.join('\n')}`;
    // OpenMetrics names a counter without its ending; the samples have it.
    const exported = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', kind]) =>
      kind === 'counter' && !name.endsWith('_total') ? [`${name}_total`] : [name],
    );
    expect(exported.length).toBeGreaterThan(50);
    const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
    for (const { expr } of rules) {
      const names = [...expr.matchAll(/(?<![\w:])(?:\w+:)?ridgepoint_\w+(?::\w+)?/g)].map(([name]) => name);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect([...exported, ...recorded], expr).toContain(name);
      for (const [, codes = ''] of expr.matchAll(/code=~?"([^"]+)"/g)) {
        for (const code of codes.split('|')) {
          const severity = WARNINGS[code as keyof typeof WARNINGS]?.severity;
          expect(severity, `${code} is counted`).toBe(expr.includes('_warnings') ? severity : 'invalid');
          expect(severity).toBeDefined();
        }
      }
    }
  });
});

describe('what the chart carries', () => {
  test.each(['prometheus', 'grafana'])('%s: the copies are those of dashboards/', (folder) => {
    const [from, to] = [join(ROOT, 'dashboards', folder), join(CHART, 'files', folder)];
    const ending = folder === 'grafana' ? '.json' : '.yaml';
    const names = (at: string) =>
      existsSync(at) ? readdirSync(at).filter((name) => name.endsWith(ending)) : [];
    expect(names(to)).toEqual(names(from));
    for (const name of names(from)) {
      expect(readFileSync(join(to, name), 'utf8')).toBe(readFileSync(join(from, name), 'utf8'));
    }
  });

  test.skipIf(!hasHelm)('a PrometheusRule with every rule, its templates untouched (needs helm)', () => {
    const { groups } = only(renderOnce('monitoring-values.yaml'), 'PrometheusRule').spec as {
      groups: { rules: Rule[] }[];
    };
    const carried = groups.flatMap((group) => group.rules);
    expect(new Set(carried.map(({ alert, record }) => alert ?? record))).toEqual(
      new Set(rules.map(({ alert, record }) => alert ?? record)),
    );
    const lost = carried.find(({ alert }) => alert === 'RidgepointNodeLost');
    expect(lost?.annotations?.summary).toBe('Node {{ $labels.node }} is gone');
  });

  test.skipIf(!hasHelm)(
    'a ConfigMap for each dashboard, with the label of the sidecar, or none (needs helm)',
    () => {
      const maps = renderOnce('monitoring-values.yaml').filter(
        ({ metadata }) => metadata.labels.grafana_dashboard === '1',
      );
      const from = join(CHART, 'files/grafana');
      const dashboards = existsSync(from) ? readdirSync(from) : [];
      expect(maps.flatMap(({ data }) => Object.keys(data)).sort()).toEqual(dashboards.sort());
      for (const { data } of maps) for (const text of Object.values(data)) JSON.parse(text as string);
      expect(renderOnce().filter(({ metadata }) => metadata.labels.grafana_dashboard)).toEqual([]);
    },
  );
});
