import { expect, test } from 'vitest';
import { ONE_DEVICE } from '../../../core/work/served-work.js';
import { parallelismOf } from '../../../roofline/step/parallelism.js';
import { SMALL } from '../../support/roofline.js';

test('replicas of a model without experts are copies', () => {
  const split = { ...ONE_DEVICE, tensor: 2, replicas: 4 };
  expect(parallelismOf(SMALL, split)).toMatchObject({ tensor: 2, data: 1, expert: 1 });
});
