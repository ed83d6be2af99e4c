import { toFailure } from '../../core/errors.js';
import type { DeviceSettings } from '../../core/experiment/experiment.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import type { SettingRecord } from '../../core/result/result.js';
import { type Warning, warn } from '../../core/result/warnings.js';
import { PowerConnection } from './client.js';
import { settingError } from './control.js';
import type { Restored } from './protocol.js';
import { targetOf } from './settable.js';

/** Where a trial notes what was set, and what went wrong. */
interface SettingNotes {
  settings: readonly SettingRecord[];
  readonly warnings: Warning[];
}

/** Within this time a helper that died has been restarted and has restored all settings. */
const PATIENCE_SECONDS = 5;

/** How one trial's device is set: from `hold` to `release`, and no longer than this process lives. */
export class AppliedSettings {
  #connection: PowerConnection | null = null;
  #notes: SettingNotes | null = null;

  /** @throws FailureError `setting-failed`; then nothing is set. */
  async hold(
    settings: DeviceSettings,
    device: DeviceProfile,
    socketPath: string | null,
    notes: SettingNotes,
  ): Promise<void> {
    const target = targetOf(device);
    if (socketPath === null || target === null) {
      const who = target === null ? 'its kind' : 'the node';
      throw settingError(`nothing can be set on ${device.id}: ${who} has no power helper`, {
        hint: 'Name its socket in the agent’s config (power.socket).',
      });
    }
    this.#connection = await PowerConnection.open(socketPath, PATIENCE_SECONDS);
    this.#notes = notes;
    const { applied = [] } = await this.#connection.ask({ do: 'set', target, ...settings });
    notes.settings = applied.map((one) => ({ ...one, atEnd: null, restored: false }));
  }

  /**
   * Restores what was found before. The notes say whether the settings had held until then. Never throws; a
   * second call does nothing.
   */
  async release(): Promise<void> {
    const [connection, notes] = [this.#connection, this.#notes];
    this.#connection = null;
    if (connection === null || notes === null) return;
    try {
      const { restored = [] } = await connection.ask({ do: 'restore' });
      notes.settings = notes.settings.map((one) => ended(one, restored));
      notes.warnings.push(...notes.settings.flatMap(warningsAbout));
    } catch (error) {
      const message = `nobody knows whether the settings held: ${toFailure(error).message}`;
      notes.warnings.push(warn('setting-not-held', message));
    } finally {
      connection.close();
    }
  }
}

function ended(one: SettingRecord, restored: readonly Restored[]): SettingRecord {
  const end = restored.find(({ name, part }) => name === one.name && part === one.part);
  return { ...one, atEnd: end?.atEnd ?? null, restored: end !== undefined && end.problem === null };
}

function warningsAbout({ name, part, readBack, atEnd, restored }: SettingRecord): Warning[] {
  const warnings: Warning[] = [];
  if (atEnd !== readBack) {
    const message = `${name} of ${part} was ${readBack} at the start of the trial and ${atEnd} at its end`;
    warnings.push(warn('setting-not-held', message));
  }
  if (!restored) {
    const message = `${name} of ${part} was not put back; the log of the power helper says why`;
    warnings.push(warn('setting-not-restored', message));
  }
  return warnings;
}
