import type { DeviceProfile } from '../../core/experiment/node.js';
import { warn } from '../../core/result/warnings.js';
import { wholeNanoseconds } from '../../process/isolation/clock.js';
import type { ChildState } from '../../process/isolation/messages.js';
import type { TrialReport } from './job.js';
import type { TrialNotes } from './notes.js';

/**
 * How far a trial is, for people who watch: the phase that has just ended, or what a child was started for
 * (`the quantization`).
 */
export interface TrialProgress {
  readonly phase: string;
  /** 0-based. */
  readonly repeat: number;
  readonly elapsedSeconds: number;
}

/** @returns what hears a trial's child: it keeps in the notes what belongs into the record. */
export function listener(
  notes: TrialNotes,
  device: DeviceProfile,
  onProgress: (progress: TrialProgress) => void,
): (message: ChildState | TrialReport) => void {
  return (message) => {
    switch (message.type) {
      case 'ready':
        notes.environment.affinity = message.affinity?.join(',') ?? null;
        if (!samePlaces(message.affinity, device.cpus)) {
          notes.warnings.push(warn('affinity-unset', affinityWarning(message.affinity, device)));
        }
        return;
      case 'loaded':
        notes.loaded = message.facts;
        return;
      case 'phase': {
        const { startSeconds, endSeconds, ...rest } = message.phase;
        const elapsedSeconds = endSeconds - notes.originSeconds;
        notes.phases.push({
          ...rest,
          startSeconds: wholeNanoseconds(startSeconds - notes.originSeconds),
          endSeconds: wholeNanoseconds(elapsedSeconds),
        });
        onProgress({ phase: rest.name, repeat: rest.repeat ?? 0, elapsedSeconds });
        return;
      }
      case 'cores': {
        const { widths, latencies } = message;
        const seconds = wholeNanoseconds(message.seconds - notes.originSeconds);
        notes.cores.push({ seconds, widths, latencies });
        return;
      }
      case 'warning':
        notes.warnings.push(message.warning);
        return;
      default:
    }
  };
}

function samePlaces(affinity: readonly number[] | null, cpus: readonly number[]): boolean {
  return affinity !== null && affinity.length === cpus.length && cpus.every((cpu) => affinity.includes(cpu));
}

function affinityWarning(affinity: readonly number[] | null, device: DeviceProfile): string {
  const where = affinity === null ? 'anywhere' : `on CPUs ${affinity.join(',')}`;
  return `the process ran ${where} instead of CPUs ${device.cpus.join(',')}; taskset of util-linux pins it`;
}
