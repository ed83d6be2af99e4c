import { describe, expect, test } from 'vitest';
import {
  LOAD_SEARCH,
  type LoadSearchOptions,
  measured,
  type NextLoad,
  nextLoad,
  startLoadSearch,
} from '../../../core/serving/find-rate.js';
import { mostInFlight } from '../../../core/serving/requests.js';
import type { Objective } from '../../../core/serving/slo.js';

const P90: Objective = { metric: 'ttft', share: 0.9, seconds: 1 };
const OPTIONS: LoadSearchOptions = { of: 'rate', start: 4, least: 0.5, most: 1000, ...LOAD_SEARCH };

/** Drives a search with a server of which a share of 1000 requests keeps the objective at each load. */
function search(
  options: LoadSearchOptions,
  share: (load: number, run: number) => number,
  objective: Objective = P90,
  inFlight: (load: number) => number = (load) => load,
): { end: Exclude<NextLoad, { kind: 'measure' }>; loads: number[] } {
  let state = startLoadSearch(options);
  for (;;) {
    const next = nextLoad(state);
    if (next.kind !== 'measure') return { end: next, loads: state.runs.map(({ load }) => load) };
    const kept = Math.round(1000 * share(next.load, state.runs.length));
    state = measured(state, {
      load: next.load,
      inFlight: inFlight(next.load),
      kept: [{ objective, kept, requests: 1000 }],
      saturated: false,
    });
  }
}

describe('the highest rate', () => {
  test('lies within the width below the edge, and both edges were measured twice', () => {
    for (const edge of [0.7, 3, 4.1, 37, 640]) {
      const { end, loads } = search(OPTIONS, (load) => (load <= edge ? 0.99 : 0.5));
      expect(end.kind).toBe('found');
      expect(end.load).toBeLessThanOrEqual(edge);
      expect(end.above).toBeGreaterThan(edge);
      expect(end.above! / end.load!).toBeLessThanOrEqual(1.05);
      for (const at of [end.load, end.above]) expect(loads.filter((load) => load === at)).toHaveLength(2);
      expect(loads.length).toBeLessThan(20);
    }
  });

  test('brackets first: doubled from the start until one is too much', () => {
    const { loads } = search(OPTIONS, (load) => (load <= 37 ? 1 : 0));
    expect(loads.slice(0, 5)).toEqual([4, 8, 16, 32, 64]);
    expect(loads[5]).toBeCloseTo(Math.sqrt(32 * 64), 9);
  });

  test('is the most that was to be tried, or none', () => {
    expect(search({ ...OPTIONS, most: 10 }, () => 1).end).toEqual({
      kind: 'found',
      load: 10,
      above: null,
      reason: '10 requests/s meet the objectives, and no more was to be tried',
    });
    const none = search(OPTIONS, () => 0);
    expect(none.end).toEqual({
      kind: 'not-found',
      load: null,
      above: 0.5,
      reason: 'not even 0.5 requests/s meet the objectives',
    });
    expect(none.loads).toEqual([4, 2, 1, 0.5]);
    expect(search(OPTIONS, (load) => (load > 0.5 ? 0 : 0.9)).end).toMatchObject({
      kind: 'not-found',
      load: null,
      reason: expect.stringContaining('it could not be told in 3 runs'),
    });
  });

  test('where it cannot be told of a load, that is measured three times and counts as too much', () => {
    const { end, loads } = search(OPTIONS, (load) => (load < 7 ? 0.99 : load < 9 ? 0.9 : 0.5));
    expect(end).toMatchObject({ kind: 'found' });
    expect(end.load).toBeLessThan(7);
    expect(end.reason).toMatch(/it could not be told in 3 runs$/);
    expect(loads.filter((load) => load === end.above)).toHaveLength(3);
  });

  test('is not found where the server does not repeat itself', () => {
    const { end } = search(OPTIONS, (load, run) => (load < 8 || (load === 8 && run === 1) ? 1 : 0));
    expect(end).toMatchObject({
      kind: 'not-found',
      reason: expect.stringContaining('at 8 requests/s one run meets the objectives and another misses them'),
    });
  });

  test('falls where a second run at the edge is not as lucky as the first', () => {
    const { end } = search(OPTIONS, (load, run) =>
      load < 8 ? 1 : load === 8 ? (run === 1 ? 0.93 : 0.89) : 0,
    );
    expect(end.kind).toBe('found');
    expect(end.load).toBeLessThan(8);
    expect(end.above).toBe(8);
  });

  test('ends where runs are used up, and says what it would try', () => {
    expect(search({ ...OPTIONS, maxRuns: 3 }, () => 1).end).toMatchObject({
      kind: 'not-found',
      load: 16,
      above: null,
      reason: '3 runs are used up; it would go on at 32 requests/s',
    });
  });
});

test('the highest concurrency is a whole number, and the next does not meet the objectives', () => {
  for (const edge of [1, 5, 17]) {
    const { end, loads } = search({ ...OPTIONS, of: 'concurrency', least: 1, relativeWidth: 0 }, (load) =>
      load <= edge ? 1 : 0,
    );
    expect(end).toMatchObject({ kind: 'found', load: edge, above: edge + 1 });
    expect(loads.every(Number.isInteger)).toBe(true);
  }
});

test('a load that the server does not keep up with is a miss, however few requests were served by then', () => {
  const few = { kept: [{ objective: P90, kept: 9, requests: 10 }] };
  const state = measured(startLoadSearch(OPTIONS), { load: 4, ...few, saturated: true });
  expect(nextLoad(state)).toMatchObject({ kind: 'measure', load: 2 });
  expect(nextLoad(measured(startLoadSearch(OPTIONS), { load: 4, ...few, saturated: false }))).toMatchObject({
    load: 4,
    why: expect.stringContaining('once more'),
  });
});

test('one slow request of a run that has a maximum is a miss, not a contradiction', () => {
  const max: Objective = { metric: 'e2e', share: 1, seconds: 10 };
  const { end } = search(OPTIONS, (load, run) => (run === 12 || load > 50 ? 0.999 : 1), max);
  expect(end.kind).toBe('found');
});

test('a search starts between its ends', () => {
  expect(() => startLoadSearch({ ...OPTIONS, start: 0.1 })).toThrow('between its least and its most load');
  expect(() => startLoadSearch({ ...OPTIONS, of: 'concurrency' })).toThrow('whole requests');
});

test('no concurrency beyond what was in flight is looked for, nor found', () => {
  const options: LoadSearchOptions = { ...OPTIONS, of: 'concurrency', start: 1, least: 1, most: 65_536 };
  const of24 = (load: number) => Math.min(24, load);
  const { end, loads } = search(options, () => 1, P90, of24);
  expect(loads).toEqual([1, 2, 4, 8, 16, 32]);
  expect(end).toEqual({
    kind: 'found',
    load: 24,
    above: null,
    reason:
      '24 at a time meet the objectives; where 32 at a time were allowed no more than 24 were in flight: ask for more requests to go on',
  });
  // Too many at once: below is looked for as ever.
  const lower = search({ ...options, start: 64 }, (load) => (load <= 9 ? 1 : 0), P90, of24);
  expect(lower.end).toMatchObject({ kind: 'found', load: 9, above: 10 });
});

test('what was in flight counts requests that overlap, and a conversation as one', () => {
  const request = (
    index: number,
    dispatched: number | null,
    done: number | null,
    conversation: number | null = null,
  ) => ({
    index,
    dispatched,
    done,
    conversation,
  });
  expect(mostInFlight([])).toBe(0);
  expect(mostInFlight([request(0, 0, 1), request(1, 1, 2), request(2, null, null)])).toBe(1);
  expect(mostInFlight([request(0, 0, 2), request(1, 1, 3), request(2, 2.5, null)])).toBe(2);
  // The second turn comes after a pause, in which its user is there.
  const turns = [request(0, 0, 1, 7), request(1, 5, 6, 7), request(2, 2, 3, 8)];
  expect(mostInFlight(turns)).toBe(2);
});
