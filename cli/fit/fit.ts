import type { ModelArchitecture } from '../../core/work/architecture.js';
import { readBits, servedFormats, storedIn } from '../../roofline/analysis/bits.js';
import { served } from '../../roofline/analysis/prediction.js';
import { type Ceilings, publishedCeilings } from '../../roofline/ceilings.js';
import { fitServing } from '../../roofline/fit/serving.js';
import type { ServingFit, ServingGoal } from '../../roofline/fit/serving-goal.js';
import {
  fitTraining,
  type TrainingFit,
  type TrainingGoal,
  ZERO_STAGES,
} from '../../roofline/fit/training.js';
import { HARDWARE } from '../../roofline/hardware/catalogue.js';
import { SHIPPED } from '../../roofline/operators/shipped/index.js';
import { DEFAULT_ENGINE } from '../../roofline/step/engines.js';
import { asWords, CommandError, EXIT, usageError } from '../exit.js';
import { modelFoldersFor } from '../local-models.js';
import { printData, printJson, say } from '../output/print.js';
import { openCeilings } from '../roofline/open-hardware.js';
import { Openings, openArchitecture } from '../roofline/open-model.js';
import { openPredictor } from '../roofline/open-predictor.js';
import { DEFAULT_BITS, optionErrors, wantedSplit } from './check-options.js';
import type { FitOptions } from './command.js';
import { servingTable, trainingTable } from './table.js';

/** Options that say a load, or ask about one. */
function isUnderLoad({ slo, trace, requestRate }: FitOptions): boolean {
  return slo !== undefined || trace !== undefined || requestRate !== undefined;
}

/**
 * `ridge fit`: how few devices of each kind meet a goal, the fewest first; under a load, which deployment
 * keeps an SLO.
 * @param isTyped whether an option was typed, and is not at its default.
 * @throws CommandError (2, or 3 when nothing fits)
 */
export async function runFit(
  argument: string | undefined,
  typed: FitOptions,
  isTyped: (option: string) => boolean,
): Promise<void> {
  if (argument !== undefined && typed.model !== undefined && argument !== typed.model)
    throw usageError(`two models are named: ${argument} and --model ${typed.model}`, 'Name one of them.');
  const options = argument === undefined ? typed : { ...typed, model: argument };
  if (isUnderLoad(options)) {
    const { fitDeployment } = await import('./deploy/deploy.js');
    await fitDeployment(options, isTyped);
    return;
  }
  const opened = await openFit(options);
  if (options.train === undefined) serve(opened, options);
  else train(opened, options);
}

function serve({ model, architecture, devices, draft }: OpenedFit, options: FitOptions): void {
  const goal = servingGoal(draft, options);
  const fits = devices
    .map((ceilings) => asWords(() => fitOn(architecture, ceilings, goal, options)))
    .filter((fit) => fit !== null)
    .sort(fewestFirst((a: ServingFit, b: ServingFit) => a.tokenSeconds - b.tokenSeconds));
  // The draft by its name: its shapes say nothing to a reader.
  const said = { ...goal, speculation: goal.speculation && { ...goal.speculation, draft: options.draft } };
  if (options.json === true) printJson({ model, goal: said, fits });
  else {
    printData(servingTable(fits));
    say('a first token is of an idle service, a step at full context');
    const assumed = fits.filter(({ source }) => source === null);
    if (assumed.length > 0)
      say(
        `no measured operators of ${options.engine ?? DEFAULT_ENGINE} tell of ${assumed.map(({ hardware }) => hardware).join(', ')} in ${options.bits ?? DEFAULT_BITS}: times there are ${options.efficiency * 100} % of the ceilings, an assumption`,
      );
    const silent = fits.filter(({ stepLinkSeconds }) => stepLinkSeconds === null);
    if (silent.length > 0)
      say(
        `no link is known of ${silent.map(({ hardware }) => hardware).join(', ')}: what is sent takes no time there, and times are lower bounds`,
      );
  }
  requireOne(fits, options);
}

/**
 * Times follow from measured operators where the package has tables of the device, and what is asked in them.
 */
function fitOn(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  { engine = DEFAULT_ENGINE, calibration, bits = DEFAULT_BITS, devices }: FitOptions,
): ServingFit | null {
  const formats = servedFormats(bits);
  const found = formats === null ? null : served(architecture, formats);
  const measured = ceilings.origin === 'published' && SHIPPED.some(({ device }) => device === ceilings.name);
  if (found === null || !measured || goal.speculation !== null)
    return fitServing(architecture, ceilings, goal, devices);
  const pass = {
    ...goal.pass,
    kernels: found.kernels,
    weights: null,
  };
  return fitServing(
    found.architecture,
    ceilings,
    { ...goal, pass },
    devices,
    openPredictor(ceilings.name, engine, calibration),
  );
}

/** @param options whose words were looked at. */
function servingGoal(draft: ModelArchitecture | null, options: FitOptions): ServingGoal {
  const { context, prompt = Math.max(1, context - 1), ttft, tpot } = options;
  const reading = readBits(options.bits ?? DEFAULT_BITS);
  if (!reading.ok) throw usageError(reading.message);
  return {
    promptTokens: prompt,
    contextTokens: context,
    batch: options.batch,
    maxFirstTokenSeconds: ttft === undefined ? null : ttft / 1000,
    maxTokenSeconds: tpot === undefined ? null : tpot / 1000,
    efficiency: options.efficiency,
    memoryShare: options.memoryShare,
    speculation:
      draft === null ? null : { draft, draftTokens: options.draftTokens, acceptance: options.acceptance },
    split: wantedSplit(options),
    maxOffload: options.maxOffload,
    pass: storedIn(reading.value),
  };
}

function train({ model, architecture, devices }: OpenedFit, options: FitOptions): void {
  const goal: TrainingGoal = {
    method: options.train ?? 'full',
    rank: options.rank,
    zero: ZERO_STAGES.find((stage) => String(stage) === options.zero) ?? 0,
    recomputation: options.recompute,
    flashAttention: options.flashAttention,
    sequenceTokens: options.context,
    microBatch: options.batch,
    efficiency: options.efficiency,
    memoryShare: options.memoryShare,
  };
  const fits = devices
    .map((ceilings) => asWords(() => fitTraining(architecture, ceilings, goal, options.devices)))
    .sort(
      fewestFirst((a: TrainingFit, b: TrainingFit) => (b.tokensPerSecond ?? 0) - (a.tokensPerSecond ?? 0)),
    );
  if (options.json === true) printJson({ model, goal, fits });
  else {
    printData(trainingTable(fits));
    say(`AdamW in mixed precision; at ${options.efficiency * 100} % of the peak`);
  }
  requireOne(fits, options);
}

interface AnyFit {
  readonly devices: number;
  readonly misses: readonly string[];
}

/** What fits comes first, then the fewest devices. */
function fewestFirst<T extends AnyFit>(tieBreak: (a: T, b: T) => number): (a: T, b: T) => number {
  return (a, b) =>
    Math.min(1, a.misses.length) - Math.min(1, b.misses.length) || a.devices - b.devices || tieBreak(a, b);
}

/** @throws CommandError (3) when nothing fits. */
function requireOne(fits: readonly AnyFit[], { devices, train: method }: FitOptions): void {
  if (fits.some(({ misses }) => misses.length === 0)) return;
  const missed = [...new Set(fits.flatMap(({ misses }) => misses))].join(', ');
  const hint =
    method === undefined
      ? 'Allow more --devices, fewer --bits, a smaller --batch or --context, or more time.'
      : 'Allow more --devices, a higher --zero stage, --recompute full, a smaller --batch or --context, or --train qlora.';
  throw new CommandError(
    `nothing fits with up to ${devices} device${devices === 1 ? '' : 's'}: ${missed || 'no such number can share the model'}`,
    EXIT.gate,
    hint,
  );
}

interface OpenedFit {
  readonly model: string;
  readonly architecture: ModelArchitecture;
  readonly draft: ModelArchitecture | null;
  readonly devices: readonly Ceilings[];
}

/**
 * Opens what the options name.
 * @throws CommandError (2) with every name that leads nowhere, and every word that is wrong, at once
 */
async function openFit(options: FitOptions): Promise<OpenedFit> {
  const { model, models, hardware, draft, config } = options;
  const openings = new Openings();
  const { failures } = openings;
  const named = (name: string) => openings.try(() => openArchitecture(name, modelFoldersFor([name], models)));
  const architecture = model === undefined ? null : await named(model);
  const small = draft === undefined ? null : await named(draft);
  const devices: Ceilings[] = [];
  for (const name of hardware?.split(',').map((word) => word.trim()) ?? []) {
    const found = await openings.try(() => openCeilings(name, config));
    if (found !== null) devices.push(found);
  }
  failures.push(...optionErrors(options, architecture, devices));
  const [first] = failures;
  if (failures.length === 1 && first !== undefined) throw usageError(first.message, first.hint);
  if (failures.length > 0) throw usageError(openings.text);
  if (model === undefined || architecture === null) throw new Error('a model that is missing was not said');
  const everyGpu = HARDWARE.filter(({ kind }) => kind === 'gpu').map(publishedCeilings);
  return { model, architecture, draft: small, devices: hardware === undefined ? everyGpu : devices };
}
