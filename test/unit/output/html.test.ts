import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fillTemplate } from '../../../cli/output/html.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { type Payload, pack, unpack } from '../../../report/payload.js';
import { trimDetails } from '../../../report/trim.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';
import { sweepRecords } from '../../support/sweep-records.js';

const SCRIPT = 'console.log("page")';
const TEMPLATE = `<!doctype html><html><head>
<meta charset="utf-8">
<title>Ridgepoint report</title>
<script type="module" crossorigin>${SCRIPT}</script></head><body>
<script type="application/json" id="ridgepoint-data"></script></body></html>`;
const DATA =
  /<script type="application\/json" id="ridgepoint-data"( data-encoding="gzip\+base64")?>([\s\S]*?)<\/script>/;

/** More than one page carries in full. */
const many = sweepRecords({ experiments: 1500 });
const objectives = [{ metric: 'decodeTokensPerSecond', better: 'max' as const }];
const build = (records: ResultRecord[], sweepName = 's') => buildReport(records, { sweepName, objectives });

describe('report page', () => {
  test('no name ends the data or starts a tag, and all of it comes back', () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028$&$1';
    const report = build([completeTrial({ experiment: experimentOf({ model: evil }) })], evil);
    const html = fillTemplate(TEMPLATE, report);
    expect(html.match(/<script/g)).toHaveLength(2);
    const data = DATA.exec(html)?.[2] ?? '';
    expect(/<img/.test(html)).toBe(false);
    expect(/[<\u2028]/.test(data)).toBe(false);
    const payload = JSON.parse(data) as Payload;
    expect(payload.sweepName).toBe(evil);
    expect(unpack(payload)[0]?.experiment.model.name).toBe(evil);
  });

  test("the policy lets nothing be fetched and only the page's own script run", () => {
    const html = fillTemplate(TEMPLATE, build([completeTrial()]));
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(SCRIPT).digest('base64');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src 'sha256-${hash}'`);
    expect(policy).not.toMatch(/script-src[^;]*unsafe|https?:|\*/);
  });

  test('much data is compressed', () => {
    const html = fillTemplate(TEMPLATE, build(many));
    const [, encoding, text = ''] = DATA.exec(html) ?? [];
    expect(encoding).toContain('gzip');
    const payload = JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString()) as Payload;
    expect(build(unpack(payload)).rows).toHaveLength(1500);
    expect(html.length).toBeLessThan(4_000_000);
  });
});

describe('payload', () => {
  const quotedOf = (records: ResultRecord[]) =>
    new Set(build(records).rows.flatMap((row) => row.starts.map(({ trialId }) => trialId)));

  test('a small sweep arrives whole: the page builds the very rows of the command line', () => {
    const records = sweepRecords({ experiments: 24, watts: 70 });
    const packed = JSON.parse(
      JSON.stringify(pack(records, quotedOf(records), { sweepName: 's', objectives })),
    );
    const [here, there] = [build(records), build(unpack(packed))];
    expect(there.rows.map((r) => [r.label, r.state, r.onFront, r.warnings])).toEqual(
      here.rows.map((r) => [r.label, r.state, r.onFront, r.warnings]),
    );
    expect(there.metrics).toEqual(here.metrics);
    expect(there.absences).toEqual(here.absences);
    here.rows.forEach((row, i) => {
      for (const [name, entry] of Object.entries(row.trial.measurements)) {
        const arrived = there.rows[i]?.trial.measurements[name];
        expect(arrived?.value).toBe(entry.value);
        expect(arrived?.unit).toBe(entry.unit);
        if (entry.value === null) expect(arrived).toEqual(entry);
        else if (arrived?.value !== null) expect(arrived?.stddev ?? 0).toBeCloseTo(entry.stddev ?? 0, 6);
      }
      expect(there.rows[i]?.trial.experiment).toEqual(row.trial.experiment);
      expect(there.rows[i]?.trial.environment).toEqual(row.trial.environment);
      expect(there.rows[i]?.trial.tokenSeconds.flat()).toHaveLength(row.trial.tokenSeconds.flat().length);
    });
  });

  test('drift controls arrive with what rows of two runs are compared by', () => {
    const records = sweepRecords({ experiments: 24 });
    const quoted = records.filter(({ sweep }) => sweep.purpose === 'measure').map(({ trialId }) => trialId);
    const packed = pack(records, new Set(quoted), { sweepName: 's', objectives });
    const controls = (all: readonly ResultRecord[]) =>
      all
        .filter(({ sweep }) => sweep.purpose === 'control')
        .map(({ measurements }) => [
          measurements.decodeTokensPerSecond?.value,
          measurements.timeToFirstTokenSeconds?.value,
        ]);
    expect(controls(records).length).toBeGreaterThan(1);
    expect(controls(unpack(packed))).toEqual(controls(records));
  });

  test('a large sweep keeps the shape of every distribution and says what it dropped', () => {
    const payload = pack(many, quotedOf(many), { sweepName: 's', objectives });
    expect(payload.details).toEqual({ tokenSeconds: 76, samples: 25 });
    const [first] = unpack(payload).filter((r) => r.sweep.purpose === 'measure');
    const whole = many.find((r) => r.trialId === first?.trialId);
    const gaps = whole?.tokenSeconds.flat().sort((a, b) => a - b) ?? [];
    const kept = first?.tokenSeconds.flat() ?? [];
    expect(kept).toHaveLength(76);
    expect(kept[0]).toBeCloseTo(gaps[0] ?? Number.NaN, 6);
    expect(kept.at(-1)).toBeCloseTo(gaps.at(-1) ?? Number.NaN, 6);
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
    for (const series of first?.samples ?? []) expect(series.values.length).toBeLessThanOrEqual(26);
  });

  test('readings too few to show a course of time are left out altogether', () => {
    const { details } = trimDetails(Array.from({ length: 6000 }, () => many[0]!));
    expect(details).toEqual({ tokenSeconds: 21, samples: 0 });
  });
});
