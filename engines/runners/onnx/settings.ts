import { deviceKind } from '../../../core/experiment/experiment.js';
import { PROVIDER_OF } from '../../../core/runners/onnx.js';
import type { SessionSettings } from '../../native/onnxruntime/session.js';
import { pick, whole } from '../llama-cpp/settings.js';
import type { PlaceRequest } from '../runner.js';

/** The runner's options, checked. */
export interface OnnxSettings {
  readonly session: Omit<SessionSettings, 'profile'>;
  readonly batch: number;
  /** Whether a cache that can be added to in place is. */
  readonly shareCache: boolean;
  /** A release that is asked for; null = the first that is here. */
  readonly engine: string | null;
}

/** @param cpus logical CPUs of the device: the number of threads when none is given. @throws FailureError `impossible-combination`. */
export function readOnnxSettings({ options, deviceClass }: PlaceRequest, cpus: number): OnnxSettings {
  const { executionProvider = 'auto', engine = null } = options;
  const provider =
    executionProvider === 'auto'
      ? (PROVIDER_OF[deviceKind(deviceClass)] ?? 'cpu')
      : String(executionProvider);
  return {
    session: {
      graphOptimization: pick(options, 'graphOptimization', 'all', ['disabled', 'basic', 'extended', 'all']),
      executionMode: pick(options, 'executionMode', 'sequential', ['sequential', 'parallel']),
      threads: whole(options, 'threads', cpus, 1, 512),
      interThreads: whole(options, 'interThreads', 1, 1, 512),
      arena: pick(options, 'arena', true, [true, false]),
      arenaGrowth: pick(options, 'arenaGrowth', 'doubling', ['doubling', 'as-requested']),
      arenaShrink: pick(options, 'arenaShrink', false, [true, false]),
      memoryPattern: pick(options, 'memoryPattern', true, [true, false]),
      spinning: pick(options, 'spinning', true, [true, false]),
      provider,
      // The agent shows a trial its own device alone.
      deviceIndex: 0,
    },
    batch: whole(options, 'batch', 2048, 1, 1 << 20),
    shareCache: pick(options, 'shareCache', true, [true, false]),
    engine: typeof engine === 'string' ? engine : null,
  };
}
