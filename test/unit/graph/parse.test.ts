import { expect, test } from 'vitest';
import { graphJsonSchema } from '../../../core/graph/definition.js';
import { allNodes } from '../../../core/graph/graph.js';
import { parseGraph } from '../../../core/graph/parse.js';

const file = (spec: string) =>
  `apiVersion: ridgepoint.dev/v1\nkind: Graph\nmetadata: { name: g }\nspec:\n${spec.replace(/^/gm, '  ')}`;

const errors = (spec: string, settings = {}) => {
  const read = parseGraph(file(spec), settings);
  return read.ok ? [] : read.diagnostics.map(({ line, column, message }) => `${line}:${column} ${message}`);
};

test('a graph is ordered by what its nodes use, and a body waits for what it uses outside', () => {
  const read = parseGraph(
    file(`
items: [{ article: a }]
inputs: [article]
settings: { size: 100, out: 25 }
roles: { writer: { system: You write., maxTokens: "{{out}}" } }
nodes:
  final: { prompt: "Together: {{parts}}", role: writer, temperature: 0.5 }
  style: { prompt: "Name a style.", parse: { regex: "style: (\\\\w+)" } }
  parts:
    map: chunks
    as: chunk
    do:
      part: { prompt: "{{style}} {{chunk}}", role: writer }
  chunks: { split: "{{article}}", size: "{{size}}" }
output: final`),
    { out: 50 },
  );
  if (!read.ok) throw new Error(JSON.stringify(read.diagnostics));
  expect(read.graph.body.nodes.map(({ name }) => name)).toEqual(['style', 'chunks', 'parts', 'final']);
  const parts = read.graph.body.nodes.find(({ name }) => name === 'parts')!;
  expect(parts.uses.toSorted()).toEqual(['chunks', 'style']);
  const part = allNodes(read.graph.body).find(({ name }) => name === 'part')!;
  expect(part).toMatchObject({ kind: 'prompt', drawn: { maxTokens: 50, system: ['You write.'] } });
});

test('all that is wrong is said at once, each where it stands', () => {
  expect(
    errors(`
items: [{ a: 1 }]
inputs: [article]
nodes:
  one: { prompt: "{{artcle}} {{two}}" }
  two: { prompt: "{{one}}" }
  rounds:
    loop: text
    do: { again: { prompt: "{{text}} {{nowhere}}" } }
  broken: { prompt: "{{one" }
  lost: { value: "{{two}}" }
  odd: { promt: x }
  check: { if: "count(two) >", do: { yes: { value: "1" } } }
output: lastt`),
  ).toEqual([
    expect.stringMatching(/^9:20 there is no variable artcle/),
    expect.stringMatching(/^11:5 rounds is a loop without an end/),
    expect.stringMatching(/^13:30 there is no variable nowhere/),
    expect.stringMatching(/^14:23 the template does not render/),
    expect.stringMatching(/^16:5 a node is one of prompt, map/),
    expect.stringMatching(/^17:18 the expression cannot be read: the expression ends too early/),
    expect.stringMatching(/^18:11 there is no node lastt here/),
  ]);
});

test('a cycle is said by its nodes, and a node that nothing uses by its name', () => {
  expect(
    errors(`
items: [{ a: 1 }]
nodes:
  a: { prompt: "{{c}}" }
  b: { prompt: "{{a}}" }
  c: { map: b, as: x, do: { d: { prompt: "{{x}}" } } }`),
  ).toEqual([expect.stringMatching(/^8:5 a waits for c waits for b waits for a: the graph has a cycle/)]);
  expect(errors('items: [{ a: 1 }]\nnodes:\n  lost: { prompt: x }\n  end: { prompt: y }')).toEqual([
    expect.stringMatching(/nothing uses lost/),
  ]);
});

test('settings that the graph does not have, and values that are none, are refused', () => {
  const spec = 'items: [{ a: 1 }]\nsettings: { n: two }\nnodes: { end: { prompt: y, samples: "{{n}}" } }';
  expect(errors(spec, { m: 3 })).toEqual([
    expect.stringMatching(/sets m, which the graph has no setting for/),
    expect.stringMatching(/the setting n is two, and a number/),
  ]);
  expect(errors(spec, { n: 2 })).toEqual([]);
});

test('what is no graph is said in one sentence, and the schema is published', () => {
  const read = parseGraph('# A readme\n\nHello.');
  expect(read).toMatchObject({
    ok: false,
    diagnostics: [{ message: expect.stringMatching(/no graph file/) }],
  });
  expect(graphJsonSchema()).toMatchObject({ type: 'object', title: 'Ridgepoint graph' });
});
