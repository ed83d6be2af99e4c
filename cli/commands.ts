import type { Command } from 'commander';

/** Adds a command, with all that it takes, to the program. */
type Register = (program: Command) => void;

/** A part of `ridge --help`. */
interface CommandGroup {
  readonly heading: string;
  /** By their names; what a command is made of is loaded for who asks for it. */
  readonly commands: Readonly<Record<string, () => Promise<Register>>>;
}

/** Every command, in the order of `ridge --help`. A new one is a folder here and a line in this list. */
export const COMMANDS: readonly CommandGroup[] = [
  {
    heading: 'Sweeps on this machine:',
    commands: {
      init: async () => (await import('./init/command.js')).registerInit,
      plan: async () => (await import('./plan/command.js')).registerPlan,
      run: async () => (await import('./run/command.js')).registerRun,
      bench: async () => (await import('./bench/command.js')).registerBench,
      runs: async () => (await import('./runs/command.js')).registerRuns,
      report: async () => (await import('./report/command.js')).registerReport,
      compare: async () => (await import('./compare/command.js')).registerCompare,
      baseline: async () => (await import('./baseline/command.js')).registerBaseline,
      drift: async () => (await import('./drift/command.js')).registerDrift,
      recommend: async () => (await import('./recommend/command.js')).registerRecommend,
      bundle: async () => (await import('./bundle/command.js')).registerBundle,
      answers: async () => (await import('./answers/command.js')).registerAnswers,
      graph: async () => (await import('./graph/command.js')).registerGraph,
      export: async () => (await import('./export/command.js')).registerExport,
    },
  },
  {
    heading: 'Cluster:',
    commands: {
      coordinator: async () => (await import('./coordinator/command.js')).registerCoordinator,
      agent: async () => (await import('./agent/command.js')).registerAgent,
      'power-helper': async () => (await import('./power-helper/command.js')).registerPowerHelper,
      operator: async () => (await import('./operator/command.js')).registerOperator,
      submit: async () => (await import('./submit/command.js')).registerSubmit,
      watch: async () => (await import('./watch/command.js')).registerWatch,
      pause: async () => (await import('./steer/command.js')).registerPause,
      resume: async () => (await import('./steer/command.js')).registerResume,
      cancel: async () => (await import('./steer/command.js')).registerCancel,
      sweeps: async () => (await import('./sweeps/command.js')).registerSweeps,
      results: async () => (await import('./results/command.js')).registerResults,
      best: async () => (await import('./best/command.js')).registerBest,
      nodes: async () => (await import('./nodes/command.js')).registerNodes,
      top: async () => (await import('./top/command.js')).registerTop,
      slurm: async () => (await import('./slurm/command.js')).registerSlurm,
      config: async () => (await import('./config/command.js')).registerConfig,
      log: async () => (await import('./log/command.js')).registerLog,
      'support-bundle': async () => (await import('./support-bundle/command.js')).registerSupportBundle,
      restore: async () => (await import('./restore/command.js')).registerRestore,
      certs: async () => (await import('./certs/command.js')).registerCerts,
      token: async () => (await import('./token/command.js')).registerToken,
    },
  },
  {
    heading: 'Analysis, without running anything:',
    commands: {
      roofline: async () => (await import('./roofline/command.js')).registerRoofline,
      fit: async () => (await import('./fit/command.js')).registerFit,
      turns: async () => (await import('./turns/command.js')).registerTurns,
      simulate: async () => (await import('./simulate/command.js')).registerSimulate,
    },
  },
  {
    heading: 'Single steps:',
    commands: {
      models: async () => (await import('./models/command.js')).registerModels,
      quality: async () => (await import('./quality/command.js')).registerQuality,
      exits: async () => (await import('./exits/command.js')).registerExits,
      judge: async () => (await import('./judge/command.js')).registerJudge,
      calibrate: async () => (await import('./calibrate/command.js')).registerCalibrate,
      quantize: async () => (await import('./quantize/command.js')).registerQuantize,
      prune: async () => (await import('./prune/command.js')).registerPrune,
      adapt: async () => (await import('./adapt/command.js')).registerAdapt,
      profile: async () => (await import('./profile/command.js')).registerProfile,
      kernels: async () => (await import('./kernels/command.js')).registerKernels,
    },
  },
  {
    heading: 'This node:',
    commands: {
      doctor: async () => (await import('./doctor/command.js')).registerDoctor,
      roofs: async () => (await import('./roofs/command.js')).registerRoofs,
      factors: async () => (await import('./factors/command.js')).registerFactors,
      engines: async () => (await import('./engines/command.js')).registerEngines,
    },
  },
];
