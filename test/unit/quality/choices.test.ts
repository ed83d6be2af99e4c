import { expect, test } from 'vitest';
import { tokenizeChoices } from '../../../agent/quality/asking/choices.js';

/** Tokens are letters, but for `ab`, which is one: it reaches across the border of `a` and `b`. */
const reader = {
  tokenize: (text: string, addBegin: boolean) =>
    Int32Array.from([
      ...(addBegin ? [0] : []),
      ...(text.match(/ab|./gsu) ?? []).map((one) => (one === 'ab' ? 1 : one.codePointAt(0)!)),
    ]),
};
const code = (text: string) => text.codePointAt(0)!;

test('a model reads the prompt as it stands alone, and of the whole text what lies beyond it', () => {
  const choices = { continuations: ['bc', 'cd'], answers: [0] };
  const { options, promptTokens, longest } = tokenizeChoices(reader, { prompt: 'xa', choices });
  // lm-evaluation-harness: tok('xa') ++ tok('xabc')[3:], where tok('xabc') is begin, x, ab, c.
  expect(options.map((tokens) => [...tokens])).toEqual([
    [0, code('x'), code('a'), code('c')],
    [0, code('x'), code('a'), code('c'), code('d')],
  ]);
  expect(promptTokens).toEqual([3, 3]);
  expect(longest).toBe(5);
});

test('blanks at the end of a prompt count to the option, and an empty prompt leaves the begin token', () => {
  const choices = { continuations: ['b'], answers: [0] };
  const spaced = tokenizeChoices(reader, { prompt: 'x ', choices });
  expect([...spaced.options[0]!]).toEqual([0, code('x'), code(' '), code('b')]);
  expect(spaced.promptTokens).toEqual([2]);
  const empty = tokenizeChoices(reader, { prompt: '', choices });
  expect([[...empty.options[0]!], empty.promptTokens]).toEqual([[0, code('b')], [1]]);
});
