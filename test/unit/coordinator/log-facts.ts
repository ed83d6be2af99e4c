import type { Fact } from '../../../coordinator/log/log.js';
import { completeTrial } from '../../support/records.js';
import { aLease, aRecord } from '../../support/wire-records.js';

export const submitted = (sweepId: string): Fact => ({
  fact: 'SweepSubmitted',
  sweepId,
  document: 'kind: Sweep',
  models: [],
  submitter: 'test',
  at: '2025-01-01T00:00:00Z',
});
export const recorded = (trialId: string): Fact => ({
  fact: 'ResultRecorded',
  record: aRecord(aLease(trialId)),
});
/** With phases, readings, and all else that a record may hold. */
export const measured = (trialId: string): Extract<Fact, { fact: 'ResultRecorded' }> => ({
  fact: 'ResultRecorded',
  record: {
    ...completeTrial({
      watts: 20,
      warnings: [{ code: 'provider-fallback', severity: 'invalid', message: 'too wide' }],
    }),
    trialId,
    given: {
      modelBytes: 1,
      parameters: 2,
      kvCacheBytes: 3,
      adapterLoadSeconds: null,
      baseBytes: null,
      warmupSettled: true,
      cores: 4,
      roofline: null,
      idleWatts: { 'package-0': 11 },
      warnings: [],
    },
  },
});
