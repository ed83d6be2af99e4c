import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { ApplicationRecord, GraphRecord, NodeRecord } from '../../../core/graph/record.js';
import { codes, measured, reason, value } from './reading.js';
import { calmInput } from './trace.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** It was wanted at 0 s, began at 1 s and ended at 5 s; 3 of these 4 s are on its critical path. */
const APPLICATION: ApplicationRecord = {
  application: 0,
  item: 'first',
  outcome: 'complete',
  reason: null,
  intended: 0,
  start: 1,
  end: 5,
  sitting: 0,
  answer: 'yes',
  calls: 3,
  pathCalls: 2,
  pathSeconds: 3,
  scores: { exact: 1 },
};
const FAILED: ApplicationRecord = {
  ...APPLICATION,
  outcome: 'failed',
  reason: 'the server closed the connection',
  pathSeconds: null,
  scores: {},
};

/** A prompt that was asked 3 times: of 100 tokens the engine had 40. */
const NODE: NodeRecord = {
  node: 'draft',
  kind: 'prompt',
  calls: 3,
  seconds: 6,
  pathCalls: 2,
  pathSeconds: 4,
  timeToFirstTokenP50: 0.1,
  promptTokens: 100,
  cachedTokens: 40,
  outputTokens: 30,
};

function judgedGraph(changes: Partial<GraphRecord> = {}) {
  const graph: GraphRecord = {
    graph: 'test',
    digest: DIGEST,
    execution: 'graph',
    networkDelaySeconds: 0,
    sharing: 'prefixes',
    seconds: 10,
    sitting: 0,
    applications: [APPLICATION, { ...APPLICATION, application: 1, end: 9, scores: { exact: 0 } }],
    nodes: [NODE],
    meanRequestsInFlight: 1.5,
    path: [],
    calls: { schema: 'ridgepoint.dev/graph-call/v1', digest: DIGEST, bytes: 1, items: 1 },
    ...changes,
  };
  return judge({ ...calmInput(), graph });
}

describe('a request graph', () => {
  test('has the latency of whole applications, from when each was wanted to its answer', () => {
    const result = judgedGraph();
    expect(value(result, 'applicationLatencySeconds')).toBe(7);
    expect(value(result, 'applicationLatencyP50Seconds')).toBe(7);
    expect(value(result, 'applicationsPerSecond')).toBeCloseTo(0.2, 12);
    expect(value(result, 'failedApplicationsRatio')).toBe(0);
    expect(value(result, 'applicationScoreRatio')).toBe(0.5);
    expect(value(result, 'meanRequestsInFlight')).toBe(1.5);
    // 3 of 4 s, and 3 of 8 s.
    expect(value(result, 'criticalPathRatio')).toBeCloseTo((3 / 4 + 3 / 8) / 2, 12);
    expect(codes(result)).toEqual([]);
  });

  test('counts what failed in its share alone, and says the first reason', () => {
    const result = judgedGraph({ applications: [APPLICATION, FAILED] });
    expect(value(result, 'failedApplicationsRatio')).toBe(0.5);
    expect(value(result, 'applicationLatencySeconds')).toBe(5);
    expect(value(result, 'applicationsPerSecond')).toBeCloseTo(0.1, 12);
    expect(value(result, 'requestsPerApplication')).toBe(3);
    // Half of them is not most of them.
    expect(codes(result)).toEqual(['requests-failed']);
    expect(result.warnings[0]!.message).toBe(
      '1 of 2 applications failed; the first: the server closed the connection',
    );
    expect(result.valid).toBe(true);
  });

  test('is invalid where most applications failed', () => {
    const result = judgedGraph({ applications: [APPLICATION, FAILED, FAILED] });
    expect(codes(result)).toEqual(['most-failed']);
    expect(result.valid).toBe(false);
  });

  test('that was interrupted counts the throughput of its last sitting, and no latency across sittings', () => {
    const result = judgedGraph({
      sitting: 1,
      applications: [
        APPLICATION,
        { ...APPLICATION, outcome: 'interrupted', pathSeconds: null, sitting: 1, end: 3 },
        { ...APPLICATION, sitting: 1, end: 4 },
      ],
    });
    expect(value(result, 'applicationsPerSecond')).toBeCloseTo(0.2, 12);
    expect(value(result, 'applicationLatencySeconds')).toBe(4.5);
    expect(codes(result)).toEqual(['run-resumed']);
    expect(result.warnings[0]!.message).toContain('1 applications have no end-to-end time');
    // The repeats took 880 J each; one application began and ended in this sitting.
    expect(value(result, 'energyPerApplicationJoules')).toBeCloseTo(880, 6);
  });

  test('weighs the first token by how often each prompt was asked, and leaves tools out', () => {
    const result = judgedGraph({
      nodes: [
        NODE,
        { ...NODE, node: 'final', calls: 1, timeToFirstTokenP50: 0.5, promptTokens: 60, cachedTokens: 0 },
        { ...NODE, node: 'search', kind: 'retrieve', calls: 50, timeToFirstTokenP50: 9, promptTokens: 9 },
      ],
    });
    expect(value(result, 'graphTimeToFirstTokenSeconds')).toBeCloseTo((3 * 0.1 + 0.5) / 4, 12);
    expect(value(result, 'cachedPromptTokensRatio')).toBeCloseTo(40 / 160, 12);
    expect(value(result, 'requestsPerApplication')).toBe(2);
  });

  test('whose engine does not count what it had says so, and has no share', () => {
    const result = judgedGraph({
      nodes: [NODE, { ...NODE, node: 'final', cachedTokens: null, timeToFirstTokenP50: null }],
      meanRequestsInFlight: null,
    });
    expect(reason(result, 'cachedPromptTokensRatio')).toMatch(/^the engine does not say/);
    expect(value(result, 'graphTimeToFirstTokenSeconds')).toBeCloseTo(0.1, 12);
    expect(reason(result, 'meanRequestsInFlight')).toBe('no application ran from its start to its end');
  });

  test('without an application that ended has no number, and no 0', () => {
    const result = judgedGraph({ applications: [FAILED], nodes: [] });
    for (const name of [
      'applicationLatencySeconds',
      'applicationLatencyP50Seconds',
      'criticalPathRatio',
      'requestsPerApplication',
    ] as const)
      expect(reason(result, name)).toBe('no application ran from its start to its end');
    expect(reason(result, 'graphTimeToFirstTokenSeconds')).toBe('no answer came in chunks');
    expect(reason(result, 'applicationScoreRatio')).toMatch(/^the items have no reference/);
    expect(value(result, 'failedApplicationsRatio')).toBe(1);
  });

  test('takes the critical path of complete applications alone', () => {
    const result = judgedGraph({
      sitting: 1,
      applications: [
        { ...APPLICATION, sitting: 1 },
        { ...APPLICATION, sitting: 1, outcome: 'interrupted', pathSeconds: 1 },
        { ...APPLICATION, sitting: 1, pathSeconds: null },
      ],
    });
    expect(value(result, 'criticalPathRatio')).toBe(0.75);
  });

  test('scores the applications that have something to compare with', () => {
    const result = judgedGraph({ applications: [APPLICATION, { ...APPLICATION, scores: {} }] });
    expect(value(result, 'applicationScoreRatio')).toBe(1);
  });

  test('has no share of cached tokens where any prompt is uncounted, whichever it is', () => {
    const result = judgedGraph({ nodes: [{ ...NODE, node: 'first', cachedTokens: null }, NODE] });
    expect(reason(result, 'cachedPromptTokensRatio')).toMatch(/^the engine does not say/);
  });

  test('that took no time has no throughput', () => {
    expect(reason(judgedGraph({ seconds: 0 }), 'applicationsPerSecond')).toBe(
      'no application ran from its start to its end',
    );
  });

  test('an application of no duration has no critical path, and spoils nobody else’s', () => {
    const instant = { ...APPLICATION, start: 2, end: 2, pathSeconds: 0 };
    const result = judgedGraph({ applications: [APPLICATION, instant] });
    expect(measured(result, 'criticalPathRatio').value).toBe(0.75);
  });
});
