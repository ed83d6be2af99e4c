import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FolderBodies } from '../../artifacts/files/bodies.js';
import type { CallRecord } from '../../core/graph/record.js';
import { groupBy } from '../../core/maps.js';
import { inProcess } from '../bench/graph/engines.js';
import { run } from '../bench/graph/run.js';
import { sharedFolder } from '../support/folder.js';
import { jsonLines } from '../support/reading.js';
import { modelPath } from './loading.js';

const folder = sharedFolder();
const graphs = join(import.meta.dirname, '../../docs/examples/graphs');

/** The most tokens of an answer. */
const OUT = 6;

interface Example {
  /** Calls of each node for the first item. */
  readonly calls: Readonly<Record<string, number>>;
  /** Calls that have to follow each other. */
  readonly path: number;
  /** The call whose answer is that of the application; null = none alone. */
  readonly answers: string | null;
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  // The threshold lies above what a judge may say, so that the strong model is asked whatever the weak one
  // is.
  'cascade.yaml': { calls: { cheap: 1, sure: 1, asked: 1 }, path: 3, answers: 'answer/asked' },
  'chain-summary.yaml': { calls: { refined: 4 }, path: 4, answers: 'summary#4/refined' },
  'copilot.yaml': { calls: { answer: 1 }, path: 1, answers: 'answer' },
  'judges.yaml': { calls: { pool: 3 }, path: 1, answers: null },
  'map-reduce-summary.yaml': { calls: { part: 4, summary: 1 }, path: 2, answers: 'summary' },
  'mixture-of-agents.yaml': {
    calls: { first: 1, second: 1, third: 1, answer: 1 },
    path: 2,
    answers: 'answer',
  },
  'multi-agent-coding.yaml': {
    calls: { design: 1, written: 3, review: 6, revision: 6 },
    path: 6,
    answers: null,
  },
  'retrieve-in-steps.yaml': { calls: { query: 3, passages: 3, answer: 1 }, path: 7, answers: 'answer' },
  'self-consistency.yaml': { calls: { said: 4, reason: 4, valid: 4 }, path: 3, answers: null },
};
/** Settings beside the length of answers. */
const MORE: Readonly<Record<string, string>> = { 'cascade.yaml': ',threshold=1000000000' };

/** Runs the first item of a graph on the shipped model. */
async function runExample(name: string) {
  const options = {
    promptsAs: 'text',
    settings: `out=${OUT}${MORE[name] ?? ''}`,
    applications: 1,
    warmups: 0,
    cacheTokens: 4096,
  };
  const record = await inProcess(modelPath('tiny'), 1).use((open) =>
    run(open, join(graphs, name), options, { folder, journal: name }),
  );
  const kept = new FolderBodies(join(folder, 'calls')).pathOf(record.calls.digest);
  return { record, calls: jsonLines<CallRecord>(readFileSync(kept, 'utf8')) };
}

test('every shipped graph is tried', () => {
  expect(readdirSync(graphs).filter((name) => name.endsWith('.yaml'))).toEqual(Object.keys(EXAMPLES));
});

test.each(Object.entries(EXAMPLES))(
  '%s asks the shipped model what it says, side by side where it can',
  async (name, { calls: expected, path, answers }) => {
    const { record, calls } = await runExample(name);
    const [one] = record.applications;
    const asked = Object.values(expected).reduce((sum, count) => sum + count, 0);
    expect(record.applications).toHaveLength(1);
    expect(one).toMatchObject({ outcome: 'complete', reason: null, calls: asked, pathCalls: path });
    expect(Object.fromEntries(record.nodes.map((node) => [node.node, node.calls]))).toEqual(expected);
    expect(one!.pathSeconds).toBeGreaterThan(0);
    expect(one!.pathSeconds).toBeLessThanOrEqual(one!.end - one!.start + 1e-9);

    expect(calls).toHaveLength(asked);
    const byId = new Map(calls.map((call) => [call.call, call]));
    for (const { kind, outcome, answer, promptTokens, outputTokens, after, start, end } of calls) {
      expect([outcome, typeof answer]).toEqual(['complete', 'string']);
      if (kind === 'prompt') {
        expect(promptTokens).toBeGreaterThan(0);
        expect(outputTokens).toBeLessThanOrEqual(OUT);
      }
      expect(end).toBeGreaterThan(start);
      for (const before of after) expect(byId.get(before)!.end).toBeLessThanOrEqual(start);
    }
    expect(calls.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0)).toBeGreaterThan(0);
    if (answers !== null) expect(one!.answer).toBe(byId.get(answers)!.answer!.trim());

    // What waits for the same calls is with the engine before any of it ends.
    for (const beside of groupBy(calls, ({ after }) => after.toSorted().join(' ')).values())
      expect(Math.max(...beside.map(({ start, sent }) => sent ?? start))).toBeLessThan(
        Math.min(...beside.map(({ end }) => end)),
      );
  },
);
