import type { Fact } from '../../../coordinator/log/log.js';
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
