import { expect, test } from 'vitest';
import { expertTokens, unreachedExperts } from '../../../core/techniques/expert-tokens.js';

const layer = (name: string, tokens: number | null) => ({ name: `blk.${name}.weight`, tokens });

test('an expert counts once, whatever matrices it has, and what is none not at all', () => {
  const counted = expertTokens([
    layer('0.attn_q', 90),
    layer('0.ffn_up_exps.0', 10),
    layer('0.ffn_down_exps.0', 10),
    layer('0.ffn_up_exps.1', 0),
    layer('0.ffn_down_exps.1', 0),
    layer('11.ffn_up_exps.0', 4),
    layer('11.ffn_up_exps.1', 6),
    layer('11.ffn_up_exps.2', 0),
  ]);
  expect(counted).toEqual({ experts: 5, least: 0, median: 4, unreached: 2, unreachedBlocks: ['0', '11'] });
  expect(unreachedExperts(counted)).toBe('2 of 5 experts saw no calibration token (blocks 0, 11)');
});

test('where every expert was reached there is nothing to say, and without experts nothing is known', () => {
  expect(unreachedExperts(expertTokens([layer('0.ffn_up_exps.0', 3)]))).toBeNull();
  expect(expertTokens([layer('0.attn_q', 3)])).toBeNull();
  expect(expertTokens([layer('0.ffn_up_exps.0', null)])).toBeNull();
  expect(unreachedExperts(null)).toBeNull();
});
