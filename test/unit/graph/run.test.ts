import { expect, test } from 'vitest';
import { criticalPath, meanInFlight } from '../../../core/graph/critical-path.js';
import { calculate, evaluate, holds, parseExpression } from '../../../core/graph/expression.js';
import { parseGraph } from '../../../core/graph/parse.js';
import { parseAnswer, parserProblem } from '../../../core/graph/parsers.js';
import { cut, type Hands, majority, type PromptCall, runGraph } from '../../../core/graph/run.js';
import type { Value } from '../../../core/graph/value.js';
import { sound } from '../../support/reading.js';

function graphOf(spec: string) {
  const text = `apiVersion: ridgepoint.dev/v1\nkind: Graph\nmetadata: { name: g }\nspec:\n${spec.replace(/^/gm, '  ')}`;
  return sound(parseGraph(text)).graph;
}

/** Answers by a function, and keeps what was asked, and how many at once. */
function hands(answer: (call: PromptCall) => string) {
  const calls: PromptCall[] = [];
  let now = 0;
  const seen = { calls, most: 0 };
  const of: Hands = {
    async ask(call) {
      calls.push(call);
      seen.most = Math.max(seen.most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return answer(call);
    },
    read: parseAnswer,
    use: async ({ kind, input }) => (kind === 'calculate' ? 6 : ([{ text: input }] as unknown as Value)),
  };
  return { ...of, seen };
}

test('map asks side by side, reduce one after the other, and ids say where a call stands', async () => {
  const graph = graphOf(`
items: [{ article: x }]
inputs: [article]
nodes:
  chunks: { split: "{{article}}", size: 2 }
  parts: { map: chunks, as: chunk, do: { part: { prompt: "sum {{chunk}}" } } }
  told:
    reduce: parts
    as: one
    carry: sofar
    from: "Begin:"
    do: { next: { prompt: "{{sofar}} {{one}}" } }`);
  const mine = hands(({ prompt }) => (prompt.startsWith('sum') ? prompt.slice(4).toUpperCase() : prompt));
  const { answer, after } = await runGraph(graph, { article: 'a b c d e' }, mine);
  expect(answer).toBe('Begin: A B C D E');
  expect(mine.seen.most).toBe(3);
  expect(mine.seen.calls.map(({ id }) => id)).toEqual([
    'parts[0]/part',
    'parts[1]/part',
    'parts[2]/part',
    'told#1/next',
    'told#2/next',
    'told#3/next',
  ]);
  expect(mine.seen.calls.at(-1)!.after).toContain('told#2/next');
  expect(after).toEqual(['told#3/next']);
});

test('loops end by their condition or their most rounds, conditions choose a side, and samples are voted on', async () => {
  const graph = graphOf(`
items: [{ q: x }]
inputs: [q]
nodes:
  said: { prompt: "{{q}}", samples: 3, parse: number }
  best: { vote: said }
  text:
    loop: draft
    from: "{{best}}"
    most: 4
    until: verdict == "good"
    give: revised
    do:
      verdict: { prompt: "judge {{draft}}" }
      revised: { prompt: "revise {{draft}} by {{verdict}}" }
  end: { if: "contains(text, 'x') and best > 1", do: { yes: { value: "yes {{text}}" } }, else: { no: { value: "no" } } }`);
  let judged = 0;
  const mine = hands(({ prompt, sample }) => {
    if (prompt.startsWith('judge')) return ++judged === 2 ? 'good' : 'bad';
    return prompt.startsWith('revise') ? `x${prompt.length}` : ['it is 7', '3', '7.0'][sample]!;
  });
  const { answer } = await runGraph(graph, { q: 'how many?' }, mine);
  expect(judged).toBe(2);
  expect(answer).toMatch(/^yes x\d+$/);
});

test('a call that fails ends the application when all that was under way has ended', async () => {
  const graph = graphOf(
    'items: [{}]\nnodes:\n  a: { prompt: "a" }\n  b: { prompt: "b" }\n  c: { value: "{{a}}{{b}}" }',
  );
  let ended = 0;
  const failing: Hands = {
    async ask({ node }) {
      await new Promise((resolve) => setImmediate(resolve));
      ended += 1;
      if (node === 'a') throw new Error('no answer');
      return 'x';
    },
    use: async () => null,
    read: parseAnswer,
  };
  await expect(runGraph(graph, {}, failing)).rejects.toThrow('no answer');
  expect(ended).toBe(2);
  const wrong = graphOf(
    'items: [{}]\ninputs: [l]\nnodes:\n  m: { map: l, as: x, do: { p: { prompt: "{{x}}" } } }',
  );
  await expect(runGraph(wrong, { l: 'text' }, failing)).rejects.toThrow(
    'l is a string, and a list is needed',
  );
});

test('the critical path goes back through what each call waited for longest', () => {
  const call = (id: string, start: number, end: number, after: string[] = []) => ({
    id,
    node: id,
    start,
    end,
    after,
  });
  const calls = [call('a', 1, 3), call('b', 1, 4), call('c', 4.5, 6, ['a', 'b']), call('d', 3, 3.5, ['a'])];
  const path = criticalPath(calls, 1, ['c', 'd']);
  expect(path.map(({ id, seconds, before }) => [id, seconds, before])).toEqual([
    ['b', 3, 0],
    ['c', 1.5, 0.5],
  ]);
  expect(meanInFlight(calls, 5)).toBe(1.4);
});

test('a calculator computes, and is no way to anything else', () => {
  expect(calculate('2 * (3 + 4) ^ 2 / 7 - -1')).toEqual({ value: 15 });
  expect(calculate('1,000')).toMatchObject({ problem: expect.any(String) });
  expect(calculate('round(sqrt(3), 3) =')).toEqual({ value: 1.732 });
  for (const text of [
    'process.exit()',
    'constructor',
    '1/0',
    '',
    '('.repeat(5000),
    'a => 1',
    `${'('.repeat(900)}1`,
  ])
    expect(calculate(text)).toMatchObject({ problem: expect.any(String) });
  const holding = parseExpression('score >= 4 and not contains(answer, "no")');
  if (typeof holding === 'string') throw new Error(holding);
  expect(holding.names).toEqual(['score', 'answer']);
  expect(
    holds(
      holding,
      new Map<string, Value>([
        ['score', '5'],
        ['answer', 'Yes'],
      ]),
    ),
  ).toBe(true);
  const list = parseExpression('mean(xs) + count(xs)');
  if (typeof list === 'string') throw new Error(list);
  expect(evaluate(list, new Map([['xs', [1, 2, 6]]]))).toBe(6);
});

test('answers are read, and what is not found is null', () => {
  expect(parseAnswer('list', 'Files:\n1. a.py\n2) b.py\n- c.py\nDone')).toEqual(['a.py', 'b.py', 'c.py']);
  expect(parseAnswer('list', 'Sure: ["x", "y"]')).toEqual(['x', 'y']);
  expect(parseAnswer('number', 'It costs 1,234.5 in all.')).toBe(1234.5);
  expect(parseAnswer('letter', 'The answer is (B).')).toBe('B');
  expect(parseAnswer({ json: 'a.b' }, 'so {"a": {"b": 3}}!')).toBe(3);
  expect(parseAnswer({ regex: 'score: (\\d)' }, 'score: 4')).toBe('4');
  expect(parseAnswer('json', 'none')).toBeNull();
  expect(parserProblem({ regex: '(a+)+b' })).toMatch(/for ever/);
  expect(majority(['b', 'A', 'a ', null])).toBe('A');
  expect(cut('a b c', 'words', 2)).toEqual(['a b', 'c']);
});
