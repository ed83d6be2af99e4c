import { judge } from '../../batching/judge.js';
import type { ResultRecord } from '../../core/result/result.js';
import { calmInput, experiment } from '../unit/judgement/trace.js';
import { completeTrial } from './records.js';
import { GIVEN } from './roofline.js';
import { servedRequests, servingRecordOf } from './served-records.js';

export interface GpuRow {
  /** As its driver calls it. */
  readonly device?: string;
  readonly kind?: string;
  readonly users?: number;
  /** `vllm 0.24.0`, as the server said. */
  readonly serverRelease?: string;
  /** In the mean, by the server's own metrics. */
  readonly waiting?: number;
}

/** A made row of a server on a GPU, judged as an agent judges one. */
export function gpuRow({
  device: name = 'NVIDIA H100 80GB HBM3',
  kind = 'vllm',
  users = 4,
  serverRelease,
  waiting,
}: GpuRow = {}): ResultRecord {
  const asked = {
    ...experiment,
    id: `x${String(users).padStart(24, '0')}`,
    runner: { kind, options: {} },
    workload: {
      kind: 'serving',
      options: { arrival: 'closed', concurrency: users, requestsPerSecond: null, sharedPrefix: 0 },
    },
    device: 'cuda',
  };
  const input = calmInput({ experiment: asked });
  const device = { ...input.device, class: 'cuda', name };
  const serving = servingRecordOf(servedRequests({ concurrency: users }));
  const phases: ResultRecord['phases'] = [
    { name: 'serve', repeat: 0, startSeconds: 1, endSeconds: 11, tokens: 1600 },
  ];
  const judged = judge({
    ...input,
    device,
    environment: { ...input.environment, ...(serverRelease !== undefined && { serverRelease }) },
    roofs: null,
    given: { ...input.given, roofline: { ...GIVEN, factors: null } },
    phases,
    tokenSeconds: [],
    serving: {
      ...serving,
      ...(waiting !== undefined && {
        inside: { requestsWaiting: { mean: waiting, max: waiting } },
        insideAbsent: null,
      }),
    },
  });
  const { measurements, warnings, valid, roofline } = judged;
  const trial = completeTrial({ position: users });
  return {
    ...trial,
    trialId: `t${String(users).padStart(16, '0')}`,
    experimentId: asked.id,
    experiment: { ...trial.experiment, ...asked },
    device,
    phases,
    measurements,
    warnings,
    valid,
    tokenSeconds: [],
    samples: [],
    serving,
    roofline,
  } as ResultRecord;
}
