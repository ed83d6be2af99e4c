import type { Failure } from '../../core/errors.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { adapterBytesOf, makingOf } from '../../core/judgement/efficiency.js';
import type { JudgeInput } from '../../core/judgement/evidence.js';
import { givenOf } from '../../core/judgement/judge.js';
import { thinned } from '../../core/judgement/thin.js';
import { RESULT_SCHEMA, type ResultRecord } from '../../core/result/result.js';
import { judge } from '../../roofline/judge.js';
import type { AttachedAdapter } from '../artifacts/adapters/attach.js';
import type { Artifact } from '../artifacts/store.js';
import { wholeNanoseconds } from '../isolation/clock.js';
import type { TrialNotes } from './notes.js';
import { loadedRoofline } from './roofline.js';

/** Has the notes judged and writes the record; with a failure no number is published. */
export function writeRecord(
  lease: Lease,
  node: NodeProfile,
  notes: TrialNotes,
  failure: Failure | null,
): ResultRecord {
  const { experiment } = lease;
  const outcome = failure === null ? notes.outcome : null;
  const artifact = notes.artifact === null ? null : lineage(notes.artifact, notes.adapters);
  const quality = failure === null ? notes.quality : null;
  const input: JudgeInput = {
    experiment,
    phases: notes.phases,
    tokenSeconds: (outcome?.tokenSeconds ?? []).map((gaps) => gaps.map(wholeNanoseconds)),
    outcome,
    facts: {
      modelBytes: notes.loaded?.modelBytes ?? null,
      parameters: notes.loaded?.parameters ?? null,
      kvCacheBytes: notes.loaded?.kvCacheBytes ?? null,
      adapterLoadSeconds: notes.loaded?.adapterLoadSeconds ?? null,
    },
    baseBytes: notes.baseWeightBytes,
    making: artifact === null ? null : makingOf(artifact),
    adapterBytes: artifact === null ? null : adapterBytesOf(artifact),
    training: failure === null ? notes.training : null,
    kernel: outcome?.findings?.of === 'op' ? outcome.findings.record : null,
    profile: failure === null ? notes.profile : null,
    roofs: notes.roofs,
    roofline: loadedRoofline(experiment, notes),
    device: { name: notes.device?.name ?? 'unknown' },
    quality,
    cores: notes.device?.cpus.length ?? node.cores,
    samples: notes.samples,
    idleWatts: notes.idleWatts,
    idle: notes.idle,
    grid: notes.grid,
    absent: notes.absent,
    warnings: notes.warnings,
  };
  return thinned({
    schema: RESULT_SCHEMA,
    trialId: lease.trialId,
    experimentId: experiment.id,
    sweep: {
      id: lease.sweepId,
      name: lease.sweepName,
      position: lease.position,
      block: lease.block,
      purpose: lease.purpose,
      attempt: lease.attempt,
    },
    experiment,
    node: {
      name: node.name,
      hostname: node.hostname,
      cpuModel: node.cpuModel,
      cores: node.cores,
      memoryBytes: node.memoryBytes,
    },
    device: {
      id: lease.deviceId,
      class: experiment.device,
      name: notes.device?.name ?? 'unknown',
    },
    environment: { ...notes.environment, ...notes.loaded?.environment },
    ...(notes.settings.length > 0 && { settings: [...notes.settings] }),
    startedAt: notes.startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    status: failure === null ? 'complete' : 'failed',
    failure,
    phases: [...notes.phases],
    repeats: {
      count: outcome?.repeats ?? 0,
      warmups: outcome?.warmups ?? 0,
      stop: outcome?.stop ?? 'not-started',
      halfWidth: outcome?.halfWidth ?? null,
    },
    ...judge(input),
    quality,
    training: input.training,
    kernel: input.kernel,
    profile: failure === null ? notes.profile : null,
    roofs: notes.roofs,
    artifact,
    tokenSeconds: input.tokenSeconds.map((gaps) => [...gaps]),
    samples: [...notes.samples],
    absent: { ...notes.absent },
    given: givenOf(input),
  });
}

function lineage(
  { digest, base, bytes, recipe, makeSeconds, steps }: Artifact,
  attached: readonly AttachedAdapter[],
) {
  const adapters = attached.map(({ path, ...adapter }) => adapter);
  return { digest, base, bytes, recipe, makeSeconds, steps, adapters };
}
