import type { Board } from './board.js';
import { energyBoard } from './boards/energy.js';
import { fleetBoard } from './boards/fleet.js';
import { rooflineBoard } from './boards/roofline.js';
import { schedulerBoard } from './boards/scheduler.js';
import { servingBoard } from './boards/serving.js';
import { sweepBoard } from './boards/sweep.js';
import { techniquesBoard } from './boards/techniques.js';

/** Every dashboard that is shipped. */
export function boards(): Board[] {
  return [
    sweepBoard(),
    techniquesBoard(),
    servingBoard(),
    rooflineBoard(),
    energyBoard(),
    fleetBoard(),
    schedulerBoard(),
  ];
}
