import { type FailureError, failed } from '../../core/errors.js';
import { hardwareNamed } from '../../roofline/hardware/catalogue.js';
import { timesOn } from '../../roofline/operators/shipped/index.js';
import { readEngine, unknownEngine } from '../../roofline/step/engines.js';
import type { Predictor } from '../../roofline/step/predict-stages.js';

/**
 * Opens the measured operators of an engine on a device of the catalogue; of one without tables the nearest's.
 * @throws FailureError `device-missing` for a device of which none can be had
 */
export function openPredictor(hardware: string, engine: string): Predictor {
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
    engine: asked.engine,
    times: timesOn(device, asked.engine.id, asked.release),
  };
}

function missing(message: string, hint: string): FailureError {
  return failed('device-missing', message, hint);
}
