import { readFileSync } from 'node:fs';
import { type FailureError, failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { hostTimesSchema } from '../../core/result/host-times.js';
import { hardwareNamed } from '../../roofline/hardware/catalogue.js';
import { timesOn } from '../../roofline/operators/shipped/index.js';
import { readEngine, unknownEngine } from '../../roofline/step/engines.js';
import type { Predictor } from '../../roofline/step/predict-stages.js';
import type { HostTimes } from '../../roofline/step/setting.js';

/**
 * Opens the measured operators of an engine on a device of the catalogue; of one without tables the
 * nearest's.
 * @param calibration a file of `ridge factors --calibrate RUN --out FILE`.
 * @throws FailureError `device-missing` for a device of which none can be had
 */
export function openPredictor(hardware: string, engine: string, calibration?: string): Predictor {
  const asked = readEngine(engine);
  if (asked === null) throw missing(unknownEngine(engine), 'Name one of these.');
  const device = hardwareNamed(hardware);
  if (device === null)
    throw missing(
      `operators are measured of devices of the catalogue, and ${JSON.stringify(hardware)} is none`,
      '`ridge roofline --list` shows every device.',
    );
  if (device.kind !== 'gpu')
    throw missing(
      `operators of ${asked.engine.name} are measured on GPUs, and ${device.name} is none`,
      'Leave --engine out, or name a GPU.',
    );
  return {
    engine: calibration === undefined ? asked.engine : { ...asked.engine, host: readHost(calibration) },
    times: timesOn(device, asked.engine.id, asked.release),
  };
}

/** @throws FailureError `model-unreadable` for a file that `ridge factors --calibrate` did not write. */
export function readHost(path: string): HostTimes {
  const hint = '`ridge factors --calibrate RUN --out FILE` writes such a file.';
  try {
    const reading = hostTimesSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (reading.success) return reading.data;
  } catch (error) {
    throw failed('model-unreadable', `${path} cannot be read: ${fileProblem(error)}`, hint);
  }
  throw failed('model-unreadable', `${path} holds no times of a host`, hint);
}

function missing(message: string, hint: string): FailureError {
  return failed('device-missing', message, hint);
}
