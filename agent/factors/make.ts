import { join } from 'node:path';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { builtinFolder } from '../../artifacts/files/source.js';
import { FailureError } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { FACTORS_SCHEMA, type Factors } from '../../core/result/factors.js';
import type { Roofs } from '../../core/result/roofs.js';
import { type RecordRoofs, recordRoofsOf } from '../../core/result/roofs-record.js';
import { FITTED_RUNNERS } from '../../core/runners/index.js';
import { lastCacheBytes } from '../../process/device/caches.js';
import { crowding } from '../../process/device/crowding.js';
import { taskOf } from '../../process/isolation/job.js';
import { checksOf } from '../../roofline/factors/checks.js';
import { fitFactors } from '../../roofline/factors/fit.js';
import type { FactorSamples } from '../../roofline/factors/sample.js';
import { measuredMachine } from '../../roofline/machine-model.js';
import { FACTORS } from './job.js';
import type { FactorsJob } from './measure.js';

export interface FactorsRequest extends Pick<FactorsJob, 'threads' | 'types' | 'quick' | 'secondsAtMost'> {
  readonly device: DeviceProfile;
  /** That the factors are relative to. */
  readonly roofs: Roofs;
  readonly roofsId: string;
  readonly sysRoot: string;
  readonly launcher: Launcher;
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * Has a child time the operators of a device and fits factors to them.
 * @throws FailureError what the child died of.
 */
export async function makeFactors(request: FactorsRequest): Promise<Factors> {
  const { device, roofs, roofsId, threads } = request;
  const cache = lastCacheBytes(device.cpus, request.sysRoot);
  const samples = await timed(request, cache);
  const record: RecordRoofs = recordRoofsOf(roofs, roofsId);
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
      cpus: device.cpus.join(','),
      lastCacheBytes: cache,
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
      ...(samples.leftOut > 0
        ? [`there was no time for ${samples.leftOut} benches: predictions lie farther off`]
        : []),
      ...roofs.caveats,
    ],
  };
}

/**
 * What a child takes to open its engine, and a bench beyond its time, on CPUs of their own: beside others as
 * much longer as this process had to wait for its own.
 */
const GRACE_SECONDS = 2;

/**
 * @returns what the child timed, all of it or until its time was over.
 * @throws FailureError what it died of before there was anything.
 */
async function timed(request: FactorsRequest, cacheBytes: number | null): Promise<FactorSamples> {
  const { device, threads, types, quick, secondsAtMost, launcher, onProgress } = request;
  const heard = { engine: '', engineBuild: '', leftOut: 0 };
  const samples = {
    operators: [] as FactorSamples['operators'][number][],
    passes: [] as FactorSamples['passes'][number][],
    steps: [] as FactorSamples['steps'][number][],
    checks: [] as FactorSamples['checks'][number][],
  };
  const ending = await launcher({
    task: taskOf(FACTORS, {
      runnerKind: FITTED_RUNNERS[0]!,
      deviceClass: device.classes[0] ?? 'cpu',
      deviceId: device.id,
      threads,
      types,
      quick,
      secondsAtMost,
      cacheBytes,
      modelPath: join(builtinFolder(), 'tiny-f16.gguf'),
    }),
    cpus: device.cpus,
    timeLimitSeconds: secondsAtMost === null ? null : secondsAtMost + GRACE_SECONDS * crowding(),
    memoryLimitBytes: null,
    graceSeconds: 0,
    onMessage(message) {
      if (message.type !== 'timed') return;
      const { done, of, engine, engineBuild, operators = [], passes = [], steps = [], checks = [] } = message;
      Object.assign(heard, { engine, engineBuild, leftOut: of - done });
      samples.operators.push(...operators);
      samples.passes.push(...passes);
      samples.steps.push(...steps);
      samples.checks.push(...checks);
      onProgress?.(done, of);
    },
  }).ended;
  const { failure, answer } = ending;
  const hasSome = failure?.code === 'timed-out' && samples.operators.length > 0;
  if (failure !== null && !hasSome) throw new FailureError(failure);
  return { ...samples, ...heard, disturbed: answer };
}
