import type { Command } from 'commander';
import { registerAdapt } from './adapt.js';
import { registerAgent } from './agent.js';
import { registerCalibrate } from './calibrate.js';
import { registerCancel } from './cancel.js';
import { registerCompare } from './compare.js';
import { registerCoordinator } from './coordinator.js';
import { registerDoctor } from './doctor.js';
import { registerEngines } from './engines.js';
import { registerExport } from './export.js';
import { registerFactors } from './factors.js';
import { registerFit } from './fit.js';
import { registerKernels } from './kernels.js';
import { registerModels } from './models.js';
import { registerNodes } from './nodes.js';
import { registerPlan } from './plan.js';
import { registerPowerHelper } from './power-helper.js';
import { registerProfile } from './profile.js';
import { registerPrune } from './prune.js';
import { registerQuality } from './quality.js';
import { registerQuantize } from './quantize.js';
import { registerReport } from './report.js';
import { registerResults } from './results.js';
import { registerRoofline } from './roofline.js';
import { registerRoofs } from './roofs.js';
import { registerRun } from './run.js';
import { registerSubmit } from './submit.js';
import { registerSweeps } from './sweeps.js';
import { registerWatch } from './watch.js';

/** Every command, in the order of `ridge --help`. A new one is a file here and a line in this list. */
export const COMMANDS: readonly ((program: Command) => void)[] = [
  registerRun,
  registerPlan,
  registerReport,
  registerExport,
  registerCompare,
  registerCoordinator,
  registerAgent,
  registerPowerHelper,
  registerSubmit,
  registerWatch,
  registerCancel,
  registerSweeps,
  registerResults,
  registerNodes,
  registerRoofline,
  registerFit,
  registerModels,
  registerQuality,
  registerCalibrate,
  registerQuantize,
  registerAdapt,
  registerPrune,
  registerProfile,
  registerRoofs,
  registerKernels,
  registerFactors,
  registerEngines,
  registerDoctor,
];
