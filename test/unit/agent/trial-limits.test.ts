import { expect, test } from 'vitest';
import { childLimits } from '../../../agent/trial/context.js';
import type { Lease } from '../../../core/experiment/lease.js';

test.each([
  [null, 600, 600],
  [60, 600, 60],
  [86_400, 600, 600],
])('a sweep that says %s s on a node of %s s has %s', (asked, own, limit) => {
  const limits = { trialTimeoutSeconds: own, memoryLimitBytes: 1e9, cgroupFolder: null, idleSeconds: 0 };
  const lease = { experiment: { measure: { trialTimeoutSeconds: asked } } } as Lease;
  const node = { limits, profile: { memoryBytes: 2e9 } } as Parameters<typeof childLimits>[0]['node'];
  expect(childLimits({ lease, node })).toEqual({ timeLimitSeconds: limit, memoryLimitBytes: 1e9 });
});
