import { expect, test } from 'vitest';
import { modulePattern } from '../../../artifacts/adapters/pattern.js';

const plenty = () => ({ left: 1e9 });

/** What peft's get_pattern_key does: `re.match(rf"(.*\.)?({key})$", name)`, with an engine that goes back. */
const peft = (key: string, name: string) => new RegExp(`^(.*\\.)?(?:${key})$`).test(name);

const NAMES = [
  'q_proj',
  'model.layers.0.self_attn.q_proj',
  'model.layers.11.self_attn.k_proj',
  'model.layers.1.mlp.down_proj',
  'xq_proj',
  'layers.1',
  'a',
  '',
  'aaaa.aaab',
];

test('a pattern matches what it matches in peft', () => {
  const keys = [
    'q_proj',
    'self_attn.q_proj',
    'layers.1',
    'layers.1.*',
    '.*_proj',
    'model.layers.\\d+.self_attn.(q|k)_proj',
    'layers\\.[0-9]\\..*',
    '^model.*q_proj$',
    '(down|up)_proj',
    'x?q_proj',
    'a+',
    'a*',
    'a+?b',
    '[^a]+',
    'layers.(0|1[01]).*',
    '',
    'a|b|q_proj',
    '[\\w.]+k_proj',
  ];
  for (const key of keys.filter((one) => one !== '')) {
    const pattern = modulePattern(key);
    expect(pattern, key).not.toBeNull();
    for (const name of NAMES) {
      expect(pattern!(name, plenty()), `${key} on ${name}`).toBe(peft(key, name));
    }
  }
});

test.each([
  '(a+)+$',
  '(a|b)*',
  '[',
  '(',
  'a)',
  '*',
  'a**',
  '(?=a)',
  '\\b',
  '\\1',
  'a{3}',
  '[]',
  'ä',
  'x'.repeat(301),
])('no pattern for a module: %s', (text) => {
  expect(modulePattern(text)).toBeNull();
});

test('no pattern goes back: the steps follow the lengths of pattern and name', () => {
  const pattern = modulePattern('.*a.*a.*a.*a.*a.*a.*a.*a.*b')!;
  const steps = (length: number) => {
    const budget = plenty();
    expect(pattern('a'.repeat(length), budget)).toBe(false);
    return 1e9 - budget.left;
  };
  // Going back takes length^8 / 8! steps; twice the length is 256 times as many then.
  expect(steps(2000) / steps(1000)).toBeLessThan(2.2);
  expect(() => pattern('a'.repeat(1000), { left: 100 })).toThrow(RangeError);
});
