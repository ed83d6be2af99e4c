import type { AttachedAdapter } from '../../artifacts/adapters/attach.js';
import type { Artifact } from '../../artifacts/files/store.js';
import { judge } from '../../batching/judge.js';
import type { Failure } from '../../core/errors.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { RESULT_SCHEMA, type ResultRecord, type TrialFacts } from '../../core/result/result.js';
import { thinned } from '../../judgement/thin.js';
import { wholeNanoseconds } from '../../process/isolation/clock.js';
import type { TrialNotes } from './notes.js';
import { loadedRoofline } from './roofline.js';

/** Has the notes judged and writes the record; with a failure no number is published. */
export function writeRecord(
  lease: Lease,
  node: NodeProfile,
  notes: TrialNotes,
  failure: Failure | null,
): ResultRecord {
  const { experiment, start, promoted } = lease;
  const { name, hostname, cpuModel, cores, memoryBytes } = node;
  const outcome = failure === null ? notes.outcome : null;
  const artifact = notes.artifact === null ? null : lineage(notes.artifact, notes.adapters);
  const quality = failure === null ? notes.quality : null;
  const roofline = loadedRoofline(experiment, notes);
  const facts: TrialFacts = {
    schema: RESULT_SCHEMA,
    trialId: lease.trialId,
    experimentId: experiment.id,
    ...(lease.kept !== undefined && { supersedes: lease.kept.trialId }),
    sweep: {
      id: lease.sweepId,
      name: lease.sweepName,
      position: lease.position,
      block: lease.block,
      purpose: lease.purpose,
      attempt: lease.attempt,
      ...(start !== undefined && { start }),
      ...(promoted !== undefined && { promoted }),
    },
    experiment,
    node: { name, hostname, cpuModel, cores, memoryBytes },
    device: {
      id: lease.deviceId,
      class: experiment.device,
      name: notes.device?.name ?? 'unknown',
      ...(lease.otherDeviceIds !== undefined && { otherIds: [...lease.otherDeviceIds] }),
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
    quality,
    training: failure === null ? notes.training : null,
    kernel: outcome?.findings?.of === 'op' ? outcome.findings.record : null,
    ...(outcome?.findings?.of === 'inference' && { inference: outcome.findings.record }),
    ...(outcome?.findings?.of === 'generation' && { generation: outcome.findings.record }),
    ...(outcome?.findings?.of === 'serving' && { serving: outcome.findings.record }),
    ...(outcome?.findings?.of === 'graph' && { graph: outcome.findings.record }),
    profile: failure === null ? notes.profile : null,
    roofs: notes.roofs,
    artifact,
    tokenSeconds: (outcome?.tokenSeconds ?? []).map((gaps) => gaps.map(wholeNanoseconds)),
    samples: [...notes.samples],
    absent: { ...notes.absent },
    given: {
      modelBytes: notes.loaded?.modelBytes ?? null,
      parameters: notes.loaded?.parameters ?? null,
      kvCacheBytes: notes.loaded?.kvCacheBytes ?? null,
      adapterLoadSeconds: notes.loaded?.adapterLoadSeconds ?? null,
      baseBytes: notes.baseWeightBytes,
      warmupSettled: outcome?.warmupSettled ?? false,
      cores: notes.device?.cpus.length ?? cores,
      roofline,
      idleWatts: { ...notes.idleWatts },
      ...(notes.idle !== null && { idle: notes.idle }),
      ...(notes.grid !== null && { grid: notes.grid }),
      warnings: [...notes.warnings],
    },
  };
  return thinned({ ...facts, ...judge(facts) });
}

function lineage(
  { digest, base, bytes, recipe, makeSeconds, steps }: Artifact,
  attached: readonly AttachedAdapter[],
) {
  const adapters = attached.map(({ path, ...adapter }) => adapter);
  return { digest, base, bytes, recipe, makeSeconds, steps, adapters };
}
