import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readGraph } from '../../../agent/graph/files.js';
import { Tools } from '../../../agent/graph/tools.js';
import { parseAnswer } from '../../../core/graph/parsers.js';
import { type Hands, runGraph } from '../../../core/graph/run.js';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'docs/examples/graphs');
const schema = JSON.parse(readFileSync(join(root, 'schemas/graph.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true }).compile(schema);

/** Requests of the first item, with the settings that are tried beside the graph's own. */
const REQUESTS: Record<string, Record<string, number>> = {
  'cascade.yaml': { '': 3, 'threshold=1': 2 },
  'chain-summary.yaml': { '': 4, 'chunk=20': 10 },
  'copilot.yaml': { '': 1 },
  'judges.yaml': { '': 3, 'judging=single': 1, 'judging=layered,judges=5': 6 },
  'map-reduce-summary.yaml': { '': 5, 'chunk=20': 11 },
  'mixture-of-agents.yaml': { '': 4, 'a=llama,b=qwen': 4 },
  'multi-agent-coding.yaml': { '': 16, 'rounds=1': 10 },
  'retrieve-in-steps.yaml': { '': 4, 'steps=1': 2 },
  'self-consistency.yaml': { '': 12, 'candidates=1': 3 },
};

test('the shipped graphs are all known here', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.yaml'))).toEqual(Object.keys(REQUESTS));
});

test.each(Object.entries(REQUESTS))('%s runs to its end', async (name, cases) => {
  const path = join(folder, name);
  const source = readFileSync(path, 'utf8');
  expect(source.split('\n')[0]).toBe('# yaml-language-server: $schema=../../../schemas/graph.schema.json');
  expect(validate(parse(source)), JSON.stringify(validate.errors)).toBe(true);
  for (const [settings, requests] of Object.entries(cases)) {
    const { graph, items, documents } = readGraph(path, settings === '' ? null : settings);
    const tools = new Tools(documents, {});
    let asked = 0;
    const hands: Hands = {
      async ask({ prompt }) {
        asked += 1;
        expect(prompt).not.toMatch(/\{\{|\}\}|undefined/);
        return `yes, oil, ${asked % 2 === 0 ? 5 : 3}`;
      },
      async use(call) {
        const gave = await tools.use(call, new AbortController().signal);
        if ('problem' in gave) throw new Error(gave.problem);
        return gave.value;
      },
      read: parseAnswer,
    };
    const { answer } = await runGraph(graph, items[0]!, hands);
    expect(answer, settings).not.toBe('');
    expect(asked, settings).toBe(requests);
  }
});
