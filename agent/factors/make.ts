import { join } from 'node:path';
import { FailureError } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { FACTORS_SCHEMA, type Factors } from '../../core/result/factors.js';
import type { Roofs } from '../../core/result/roofs.js';
import { type RecordRoofs, recordRoofsOf } from '../../core/result/roofs-record.js';
import { FITTED_RUNNERS } from '../../core/runners/index.js';
import { checksOf } from '../../roofline/factors/checks.js';
import { fitFactors } from '../../roofline/factors/fit.js';
import type { FactorSamples } from '../../roofline/factors/sample.js';
import { measuredMachine } from '../../roofline/machine-model.js';
import type { Launcher } from '../artifacts/build-file.js';
import { builtinFolder } from '../artifacts/source.js';
import { lastCacheBytes } from '../device/caches.js';
import { taskOf } from '../isolation/job.js';
import { FACTORS } from './job.js';

export interface FactorsRequest {
  readonly device: DeviceProfile;
  /** That the factors are relative to. */
  readonly roofs: Roofs;
  readonly roofsId: string;
  readonly threads: readonly number[];
  readonly types: readonly string[] | null;
  readonly quick: boolean;
  /** Then it is given up; null = as long as it takes, which is minutes where other processes use the machine. */
  readonly timeLimitSeconds: number | null;
  readonly sysRoot: string;
  readonly launcher: Launcher;
  readonly onProgress?: (done: number, of: number) => void;
}

/** Has a child time the operators of a device and fits factors to them. @throws FailureError what the child died of. */
export async function makeFactors(request: FactorsRequest): Promise<Factors> {
  const { device, roofs, roofsId, threads } = request;
  const samples = await timed(request);
  const record: RecordRoofs = recordRoofsOf(roofs, roofsId);
  const cache = lastCacheBytes(device.cpus, request.sysRoot);
  const fits = threads.flatMap((count) => {
    const machineModel = measuredMachine(record, { name: device.name, memoryBytes: null }, count, cache);
    if (machineModel === null) return [];
    const { factors, evidence } = fitFactors(samples, machineModel, count);
    const checks = checksOf(
      samples.checks.filter((check) => check.threads === count),
      machineModel,
      factors,
    );
    return [{ factors: { ...factors, checks }, evidence }];
  });
  return {
    schema: FACTORS_SCHEMA,
    device: { id: device.id, class: device.classes.at(-1) ?? 'cpu', name: device.name },
    measuredAt: new Date().toISOString(),
    roofs: roofsId,
    engine: samples.engine,
    environment: {
      ...{ cpus: device.cpus.join(','), lastCacheBytes: cache },
      engineBuild: samples.engineBuild,
    },
    quick: request.quick,
    threads: fits.map(({ factors }) => factors),
    evidence: fits.flatMap(({ evidence }) => [...evidence]),
    warnings: [
      ...(samples.disturbed === null ? [] : [{ code: 'disturbed' as const, message: samples.disturbed }]),
      ...roofs.warnings,
    ],
    caveats: [
      ...(request.quick
        ? ['fitted quickly: `ridge factors` takes its time, for all types and numbers of threads']
        : []),
      ...roofs.caveats,
    ],
  };
}

async function timed(request: FactorsRequest): Promise<FactorSamples> {
  const { device, threads, types, quick, timeLimitSeconds, launcher, onProgress } = request;
  const ending = await launcher({
    task: taskOf(FACTORS, {
      runnerKind: FITTED_RUNNERS[0]!,
      deviceClass: device.classes[0] ?? 'cpu',
      deviceId: device.id,
      threads,
      types,
      quick,
      modelPath: join(builtinFolder(), 'tiny-f16.gguf'),
    }),
    cpus: device.cpus,
    timeLimitSeconds,
    memoryLimitBytes: null,
    onMessage: (message) => {
      if (message.type === 'progress') onProgress?.(message.done, message.of);
    },
  }).ended;
  if (ending.failure !== null) throw new FailureError(ending.failure);
  return ending.answer;
}
