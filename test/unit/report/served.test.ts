import { describe, expect, test } from 'vitest';
import { columnsOf } from '../../../core/serving/record.js';
import { buildReport } from '../../../report/build.js';
import { packLive } from '../../../report/live/pack.js';
import { pack, unpack } from '../../../report/payload.js';
import { boundText, rooflinePoints } from '../../../report/roofline.js';
import { CURVE_SHARES, objectivesOn, servedView } from '../../../report/served.js';
import { quantileOfSorted } from '../../../statistics/quantile.js';
import { completeTrial } from '../../support/records.js';
import { request } from '../../support/requests.js';
import { servedTrial, servingRecordOf } from '../../support/served-records.js';

const request0 = { sweepName: 's', objectives: [] };

describe('the view of a server under load', () => {
  test('counts of all requests, a time line of some: all failures that fit, the ends of the others', () => {
    const trial = servedTrial({ concurrency: 4, requests: 2000, failsEach: 100 });
    const view = servedView(trial, 100)!;
    expect(view.requests).toBe(2000);
    expect(view.failures).toEqual([
      { outcome: 'rejected', problem: 'the server answered 503 Service Unavailable', count: 20 },
    ]);
    expect(view.lines).toHaveLength(100);
    expect(view.lines.filter(([, , , , outcome]) => outcome === 'rejected')).toHaveLength(20);
    // Of the others the first and the last, in the order of the requests.
    const complete = view.lines.filter(([, , , , outcome]) => outcome === 'complete');
    const micro = (seconds: number | undefined) => Math.round(1e6 * seconds!) / 1e6;
    expect(complete.at(0)?.[0]).toBe(micro(trial.serving!.requests.intended[1]));
    expect(complete.at(-1)?.[0]).toBe(micro(trial.serving!.requests.intended.at(-1)));
    expect(view.curves.map(({ name, count }) => [name, count])).toEqual([
      ['TTFT, scheduled', 1980],
      ['TTFT, service', 1980],
      ['TPOT', 1980],
      ['whole request, scheduled', 1980],
      ['whole request, service', 1980],
    ]);
  });

  test('curves are quantiles of all requests, and objectives count failures as not kept', () => {
    const trial = servedTrial({ concurrency: 2, requests: 500, failsEach: 10 });
    const view = servedView(trial, 50)!;
    const { intended, firstToken } = trial.serving!.requests;
    const ttft = intended
      .flatMap((start, i) => (firstToken[i] == null ? [] : [firstToken[i] - start]))
      .sort((a, b) => a - b);
    const curve = view.curves.find(({ name }) => name === 'TTFT, scheduled')!;
    curve.quantiles.forEach((value, i) => {
      expect(value).toBeCloseTo(quantileOfSorted(ttft, CURVE_SHARES[i]!), 6);
    });
    expect(view.kept.map(({ kept, requests }) => [kept, requests])).toEqual([
      [450, 500],
      [450, 500],
    ]);
    expect(objectivesOn('TPOT', view.kept)).toEqual([{ metric: 'tpot', share: 0.9, seconds: 0.02 }]);
  });

  test('a run that is long enough has a steady window, a short one the reason why not', () => {
    const long = servedView(servedTrial({ requests: 4000 }), 50)!;
    expect(long.steady.window).not.toBeNull();
    expect(long.steady.text).toMatch(/^Steady from \d/);
    const short = servedView(servedTrial({ requests: 40 }), 50)!;
    expect(short.steady).toMatchObject({ window: null });
    expect(short.steady.text).toContain('run longer');
  });

  test('a thousand different problems are a dozen lines', () => {
    const failed = Array.from({ length: 1000 }, (_, index) =>
      request({ index, intended: index, outcome: 'broken', problem: `request ${index} broke` }),
    );
    const view = servedView({ ...servedTrial(), serving: servingRecordOf(failed) }, 50)!;
    expect(view.failures).toHaveLength(13);
    expect(view.failures.at(-1)).toMatchObject({ problem: 'and 988 other problems', count: 988 });
    expect(view.curves).toEqual([]);
  });

  test('nothing was asked: there is no view', () => {
    expect(servedView(completeTrial(), 50)).toBeNull();
    const trial = servedTrial();
    expect(servedView({ ...trial, serving: { ...trial.serving!, requests: columnsOf([]) } }, 50)).toBeNull();
  });
});

describe('what pages carry of requests', () => {
  const trials = [1, 2, 4, 8].map((concurrency) => servedTrial({ concurrency, requests: 5000 }));
  const quoted = new Set(trials.map(({ trialId }) => trialId));

  test('report.html has a view of each row, and not the requests', () => {
    const payload = pack(trials, quoted, request0);
    expect(Object.keys(payload.served!)).toEqual(trials.map(({ trialId }) => trialId));
    expect(unpack(payload).map(({ serving }) => serving)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const bytes = JSON.stringify(payload).length;
    expect(bytes / trials.length).toBeLessThan(40_000);
    expect(JSON.stringify(trials).length).toBeGreaterThan(20 * bytes);
    expect(buildReport(unpack(payload), request0).rows).toHaveLength(4);
  });

  test('a page that follows a sweep has neither', () => {
    const payload = packLive(trials, request0, { tokenSeconds: 'all' });
    expect(payload.served).toBeUndefined();
    expect(JSON.stringify(payload)).not.toContain('chunkSeconds');
  });
});

test('a row of a server under its roofs comes to the page whole: its phases as points, what its steps held, and the columns', () => {
  const trials = [servedTrial({ concurrency: 4, runner: 'llama-server' }), servedTrial({ concurrency: 2 })];
  const payload = pack(trials, new Set(trials.map(({ trialId }) => trialId)), request0);
  const report = buildReport(unpack(payload), request0);
  const of = (kind: string) => report.rows.find(({ trial }) => trial.experiment.runner.kind === kind)!;
  const placed = of('llama-server');
  const points = rooflinePoints(report.rows);
  expect(points.map(({ row, phase }) => [row.experimentId, phase.name])).toEqual(
    ['prefill', 'decode', 'serve'].map((name) => [placed.experimentId, name]),
  );
  expect(placed.trial.roofline!.served).toEqual(trials[0]!.roofline!.served);
  expect(placed.trial.roofline!.served!.stepSequences).toBeCloseTo(4, 6);
  expect(boundText(placed)).toBe('prefill f32, decode memory, serve memory');
  expect(of('simulated-server').trial.roofline).toBeNull();
});
