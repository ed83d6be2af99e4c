import type { Command } from 'commander';
import { registerAdapt } from './adapt/command.js';
import { registerAgent } from './agent/command.js';
import { registerAnswers } from './answers/command.js';
import { registerBaseline } from './baseline/command.js';
import { registerBench } from './bench/command.js';
import { registerBundle } from './bundle/command.js';
import { registerCalibrate } from './calibrate/command.js';
import { registerCancel } from './cancel/command.js';
import { registerCerts } from './certs/command.js';
import { registerCompare } from './compare/command.js';
import { registerCoordinator } from './coordinator/command.js';
import { registerDoctor } from './doctor/command.js';
import { registerDrift } from './drift/command.js';
import { registerEngines } from './engines/command.js';
import { registerExits } from './exits/command.js';
import { registerExport } from './export/command.js';
import { registerFactors } from './factors/command.js';
import { registerFit } from './fit/command.js';
import { registerGraph } from './graph/command.js';
import { registerInit } from './init/command.js';
import { registerJudge } from './judge/command.js';
import { registerKernels } from './kernels/command.js';
import { registerLog } from './log/command.js';
import { registerModels } from './models/command.js';
import { registerNodes } from './nodes/command.js';
import { registerOperator } from './operator/command.js';
import { registerPause } from './pause/command.js';
import { registerPlan } from './plan/command.js';
import { registerPowerHelper } from './power-helper/command.js';
import { registerProfile } from './profile/command.js';
import { registerPrune } from './prune/command.js';
import { registerQuality } from './quality/command.js';
import { registerQuantize } from './quantize/command.js';
import { registerRecommend } from './recommend/command.js';
import { registerReport } from './report/command.js';
import { registerResults } from './results/command.js';
import { registerResume } from './resume/command.js';
import { registerRoofline } from './roofline/command.js';
import { registerRoofs } from './roofs/command.js';
import { registerRun } from './run/command.js';
import { registerRuns } from './runs/command.js';
import { registerSlurm } from './slurm/command.js';
import { registerSubmit } from './submit/command.js';
import { registerSweeps } from './sweeps/command.js';
import { registerToken } from './token/command.js';
import { registerTop } from './top/command.js';
import { registerWatch } from './watch/command.js';

/** A part of `ridge --help`. */
interface CommandGroup {
  readonly heading: string;
  readonly commands: readonly ((program: Command) => void)[];
}

/** Every command, in the order of `ridge --help`. A new one is a folder here and a line in this list. */
export const COMMANDS: readonly CommandGroup[] = [
  {
    heading: 'Sweeps on this machine:',
    commands: [
      registerInit,
      registerPlan,
      registerRun,
      registerBench,
      registerRuns,
      registerReport,
      registerCompare,
      registerBaseline,
      registerDrift,
      registerRecommend,
      registerBundle,
      registerAnswers,
      registerGraph,
      registerExport,
    ],
  },
  {
    heading: 'Cluster:',
    commands: [
      registerCoordinator,
      registerAgent,
      registerPowerHelper,
      registerOperator,
      registerSubmit,
      registerWatch,
      registerPause,
      registerResume,
      registerCancel,
      registerSweeps,
      registerResults,
      registerNodes,
      registerTop,
      registerSlurm,
      registerLog,
      registerCerts,
      registerToken,
    ],
  },
  { heading: 'Analysis, without running anything:', commands: [registerRoofline, registerFit] },
  {
    heading: 'Single steps:',
    commands: [
      registerModels,
      registerQuality,
      registerExits,
      registerJudge,
      registerCalibrate,
      registerQuantize,
      registerPrune,
      registerAdapt,
      registerProfile,
      registerKernels,
    ],
  },
  { heading: 'This node:', commands: [registerDoctor, registerRoofs, registerFactors, registerEngines] },
];
