import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGraph } from '../../agent/graph/files.js';
import { CallJournal } from '../../agent/graph/journal.js';
import { runApplications } from '../../agent/graph/run.js';
import { Tools } from '../../agent/graph/tools.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';

/**
 * Runs a graph with one prompt against a model that says these answers, one to each item.
 * @param parse how answers are read. @param scored by what, against which reference.
 * @returns how each application ended, and why.
 */
export async function applicationsEnded(
  folder: string,
  parse: object | string,
  answers: readonly string[],
  { key = '[]', scorers = ['set', 'json'] } = {},
) {
  const path = join(folder, 'g.yaml');
  const spec = {
    items: answers.map((_, i) => ({ id: `${i}`, key })),
    inputs: ['id'],
    reference: 'key',
    scorers,
    nodes: { said: { prompt: '{{id}}', parse }, told: { value: '{{said}}' } },
  };
  const whole = { apiVersion: 'ridgepoint.dev/v1', kind: 'Graph', metadata: { name: 'g' }, spec };
  writeFileSync(path, JSON.stringify(whole));
  const read = readGraph(path, null);
  const journal = new CallJournal({ journal: join(folder, 'j'), identity: '', folder });
  const nothing = {
    sent: null,
    firstToken: null,
    promptTokens: null,
    cachedTokens: null,
    outputTokens: null,
  };
  const engine = {
    complete: async ({ prompt }: { prompt: string }) => {
      return { outcome: 'complete', problem: null, text: answers[Number(prompt)]!, ...nothing };
    },
    stop() {},
  };
  await runApplications({
    read,
    engine: engine as never,
    tools: new Tools(read.documents, {}),
    journal,
    applications: answers.length,
    arrival: { kind: 'closed', concurrency: 2 },
    seed: 1,
    separate: false,
    networkDelaySeconds: 0,
    requestsAtOnce: 2,
    temperature: 0,
    maxTokens: 1,
    now: monotonicSeconds,
    stopReason: () => null,
  });
  return journal.ended.map(({ item, outcome, reason }) => [item, outcome, reason]).sort();
}
