/**
 * Whether energies are what the readings say, whether faulty readings are called so, and what reading costs. Recordings are
 * made of a power that is known for every moment, told as the sensors of docs/energy.md would tell it.
 * Claims: the judge agrees with plain arithmetic on every recording within 0.1 %, and, where phases are long, with what was
 * really drawn; so does a trial that replays a trace; short phases lengthened to 20 update periods are within 5 %; every scripted
 * fault gives its code, and an energy that is right or absent; sampling 8 GPUs at 10 Hz costs under 0.5 % of a core.
 *
 * --quick leaves out the trial, what a driver's stand-in plays, and the sampling.
 */

import { conclude } from './figure.js';
import { recordingFigures } from './meters/agreement.js';
import { faultCodes } from './meters/faults.js';
import { replayFigure } from './meters/replay.js';
import { samplingCost } from './meters/sampling.js';
import { faultFigures } from './meters/trace-faults.js';

const figures = [...recordingFigures(), ...faultFigures()];
if (!process.argv.includes('--quick'))
  figures.push(...(await faultCodes()), replayFigure(), await samplingCost());
conclude('meters', figures);
