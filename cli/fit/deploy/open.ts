import { readFileSync } from 'node:fs';
import type { DeployedEngine, DeployQuestion, OfferedLoad } from '../../../batching/deploy/question.js';
import { loadOf, type TokenLoad } from '../../../batching/load.js';
import { type SchedulerFlags, schedulerNamed } from '../../../batching/schedulers/index.js';
import { parseLengths } from '../../../core/serving/lengths.js';
import { type Objective, parseSlo } from '../../../core/serving/slo.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { NUMBER_FORMATS } from '../../../core/work/operator-call.js';
import { serving } from '../../../core/workloads/serving.js';
import { servedFormats } from '../../../roofline/analysis/bits.js';
import { hardwareNamed, requireHardware } from '../../../roofline/hardware/catalogue.js';
import type { Hardware } from '../../../roofline/hardware/figure.js';
import { SHIPPED } from '../../../roofline/operators/shipped/index.js';
import { DEFAULT_ENGINE, readEngine, unknownEngine } from '../../../roofline/step/engines.js';
import { asWords, tryFile, usageError } from '../../exit.js';
import { modelFoldersFor } from '../../local-models.js';
import { schedulerFlags } from '../../options/scheduler-flags.js';
import { readDevicePrices } from '../../prices/device-prices.js';
import { openArchitecture } from '../../roofline/open-model.js';
import { openPredictor } from '../../roofline/open-predictor.js';
import { wantedSplit } from '../check-options.js';
import { DRAWN_REQUESTS, type FitOptions, SERVED_BITS, TRACED_REQUESTS } from '../command.js';

export interface OpenedDeployment {
  readonly model: string;
  readonly question: DeployQuestion;
  readonly notes: readonly string[];
}

/** @returns whether an option was typed, and is not at its default. */
export type Typed = (option: string) => boolean;

/** Options that a load leaves no room for, by what they are typed as. */
const WITHOUT_A_LOAD: Readonly<Record<string, string>> = {
  context: '--context',
  prompt: '--prompt',
  batch: '--batch',
  pipelineParallel: '--pipeline-parallel',
  maxOffload: '--max-offload',
  draft: '--draft',
  draftTokens: '--draft-tokens',
  acceptance: '--acceptance',
  efficiency: '--efficiency',
  train: '--train',
  rank: '--rank',
  zero: '--zero',
  recompute: '--recompute',
  flashAttention: '--no-flash-attention',
};

/** Opens what the options name. @throws CommandError (2) */
export function openDeployment(options: FitOptions, typed: Typed): OpenedDeployment {
  const { model } = options;
  if (model === undefined)
    throw usageError('no model is named', '`ridge roofline --list` shows every published model.');
  refuseOthers(typed);
  const objectives = openObjectives(options);
  const load = openLoad(options);
  const architecture = asWords(() => openArchitecture(model, modelFoldersFor([model], options.models)));
  checkLoad(load.at(1), objectives, model, architecture);
  const devices = openDevices(options.hardware);
  const engines = openEngines(options);
  const priced = options.prices === undefined ? null : readDevicePrices(options.prices, devices);
  const question: DeployQuestion = {
    architecture,
    objectives,
    load,
    devices,
    engines,
    bits: openBits(options.bits),
    split: wantedSplit(options),
    mostDevices: options.devices,
    flags: openFlags(options, engines),
    memoryShare: typed('memoryShare') ? options.memoryShare : null,
    prices: priced?.prices ?? null,
  };
  return { model, question, notes: priced?.notes ?? [] };
}

function refuseOthers(typed: Typed): void {
  const said = Object.entries(WITHOUT_A_LOAD).flatMap(([option, flag]) => (typed(option) ? [flag] : []));
  if (said.length > 0)
    throw usageError(
      `${said.join(', ')}: says nothing to the simulation of a load`,
      'Leave it out, or ask without --slo, --trace and --request-rate.',
    );
}

function openObjectives({ slo, ttft, tpot }: FitOptions): readonly Objective[] {
  const words = [
    ...(slo === undefined ? [] : [slo]),
    ...(ttft === undefined ? [] : [`ttft:p95<${ttft}ms`]),
    ...(tpot === undefined ? [] : [`tpot:p95<${tpot}ms`]),
  ];
  if (words.length === 0)
    throw usageError(
      'no SLO is named: what has to be kept on the load?',
      'Write --slo ttft:p95<500ms,tpot:p95<30ms.',
    );
  const reading = parseSlo(words.join(','));
  if (!reading.ok) throw usageError(`--slo: ${reading.message}`);
  return reading.value;
}

function openLoad(options: FitOptions): OfferedLoad {
  const { trace, traceSpeed, requestRate, inputLen, outputLen, numPrompts } = options;
  if (trace !== undefined && requestRate !== undefined)
    throw usageError('a trace says when requests start: leave --request-rate out, or --trace');
  if (trace !== undefined) return tracedLoad(trace, traceSpeed, numPrompts ?? TRACED_REQUESTS);
  if (requestRate === undefined || inputLen === undefined || outputLen === undefined)
    throw usageError(
      'no load is named, and an SLO is kept on one',
      'Name --trace FILE, or --request-rate, --input-len and --output-len.',
    );
  const inputTokens = lengthsTyped('--input-len', inputLen);
  const outputTokens = lengthsTyped('--output-len', outputLen);
  return {
    at: (speed) =>
      loaded(
        serving.options.parse({
          arrival: 'poisson',
          requestsPerSecond: requestRate * speed,
          requests: numPrompts ?? DRAWN_REQUESTS,
          inputTokens,
          outputTokens,
        }),
        null,
      ),
  };
}

/** @returns them as a sweep says them: numbers are no text there. */
function lengthsTyped(flag: string, written: string): string | number {
  const lengths = parseLengths(written);
  if (typeof lengths === 'string') throw usageError(`${flag}: ${lengths}`);
  return lengths.kind === 'fixed' ? lengths.tokens : written;
}

function tracedLoad(path: string, faster: number, requests: number): OfferedLoad {
  const text = tryFile(`the trace ${path} cannot be read`, () => readFileSync(path, 'utf8'));
  return {
    at: (speed) =>
      loaded(
        serving.options.parse({ arrival: 'trace', trace: path, traceSpeed: faster * speed, requests }),
        text,
        path,
      ),
  };
}

function loaded(options: Parameters<typeof loadOf>[0], trace: string | null, path?: string): TokenLoad {
  const load = loadOf(options, trace);
  if (typeof load === 'string') throw usageError(path === undefined ? load : `${path}: ${load}`);
  return load;
}

/** What no server could do, whatever it runs on. */
function checkLoad(
  { requests }: TokenLoad,
  objectives: readonly Objective[],
  model: string,
  { contextLength }: ModelArchitecture,
): void {
  let [count, longest, single] = [0, 0, 0];
  for (const { promptTokens, outputTokens } of requests) {
    count += 1;
    longest = Math.max(longest, promptTokens + outputTokens);
    if (outputTokens === 1) single += 1;
  }
  if (longest > contextLength)
    throw usageError(
      `a request of the load has ${longest} tokens, and ${model} has a context of ${contextLength}`,
      'Leave longer requests out, or name another model.',
    );
  const share = Math.max(0, ...objectives.filter(({ metric }) => metric === 'tpot').map((one) => one.share));
  if (single / count > 1 - share)
    throw usageError(
      `${single} of ${count} requests have answers of one token, which has no time per token: ${Number((100 * share).toPrecision(6))} % of requests cannot keep one`,
      'Ask for a lower percentile of tpot, or for e2e.',
    );
}

function openDevices(words: string | undefined): readonly Hardware[] {
  if (words === undefined) return SHIPPED.map(({ device }) => hardwareNamed(device)!);
  return words.split(',').map((word) => {
    const device = asWords(() => requireHardware(word.trim()));
    if (device.kind !== 'gpu')
      throw usageError(`${device.name} is no GPU, and engines on GPUs are simulated`, 'Leave it out.');
    if (device.memoryBytes === null)
      throw usageError(`nobody publishes the memory of ${device.name}, so that it is not known what fits`);
    return device;
  });
}

/** Flags are those of one engine, and looked at before anything is predicted. */
function openFlags({ flag }: FitOptions, engines: readonly DeployedEngine[]): SchedulerFlags {
  const flags = schedulerFlags(flag);
  const [only, ...others] = engines;
  if (flag.length === 0 || only === undefined) return flags;
  if (others.length > 0)
    throw usageError(
      '--flag is of one engine’s scheduler, and several are asked for',
      'Name one with --engine.',
    );
  const scheduler = schedulerNamed(only.engine.id, flags);
  if (typeof scheduler === 'string') throw usageError(scheduler);
  return flags;
}

function openBits(words: string | undefined): readonly string[] {
  const bits = words?.split(',').map((word) => word.trim()) ?? SERVED_BITS;
  for (const word of bits)
    if (servedFormats(word) === null)
      throw usageError(
        `--bits ${word}: engines on GPUs serve native, ${NUMBER_FORMATS.join(', ')}, each also with kv8 behind it`,
      );
  return bits;
}

function openEngines({
  engine = DEFAULT_ENGINE,
  calibration,
  hardware,
}: FitOptions): readonly DeployedEngine[] {
  const words = engine.split(',').map((word) => word.trim());
  const files = calibrationsOf(calibration, words);
  return words.map((word) => {
    const asked = readEngine(word);
    if (asked === null) throw usageError(unknownEngine(word));
    const file = files.get(word);
    if (file === undefined) return { ...asked, host: null };
    const device = hardware?.split(',')[0]?.trim() ?? SHIPPED[0]!.device;
    return { ...asked, host: asWords(() => openPredictor(device, word, file)).engine.host };
  });
}

/** @returns the file of each engine that has one. */
function calibrationsOf(calibration: string | undefined, engines: readonly string[]): Map<string, string> {
  if (calibration === undefined) return new Map();
  const [only] = engines;
  if (engines.length === 1 && only !== undefined && !calibration.startsWith(`${only}=`))
    return new Map([[only, calibration]]);
  return new Map(
    calibration.split(',').map((part) => {
      const [name = '', file = ''] = part.split('=');
      if (file === '' || !engines.includes(name))
        throw usageError(
          `--calibration ${part}: of several engines name each with its file`,
          `Write ${engines.map((one) => `${one}=FILE`).join(',')}.`,
        );
      return [name, file] as const;
    }),
  );
}
