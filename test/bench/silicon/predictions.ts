import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getOrMake } from '../../../core/maps.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import type { NumberFormat } from '../../../core/work/operator-call.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { timesOn } from '../../../roofline/operators/shipped/index.js';
import { architectureFromConfig } from '../../../roofline/readers/config.js';
import { compileStep, type Step } from '../../../roofline/step/compile.js';
import { servingEngineNamed } from '../../../roofline/step/engines.js';
import { residency } from '../../../roofline/step/residency.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import { kernelsIn, NO_HOST } from '../../../roofline/step/setting.js';
import { type LoopTimes, POLICIES, runClosedLoop } from './closed-loop.js';
import type { CheckpointFormats, SiliconModel } from './models.js';
import type { ServedOn, SiliconPoint } from './points.js';
import { type Recipe, recipeOf } from './recipes.js';

/** A server of which steps can be timed. */
export interface TimedServer {
  readonly step: Step;
  /** Tokens that the cache of one group of devices has room for. */
  readonly cacheTokens: number;
}

/** A point with what is predicted for it before times of the host, or the reason why nothing is. */
export interface Predicted {
  readonly point: SiliconPoint;
  readonly times: LoopTimes;
}
export interface Unanswered {
  readonly point: SiliconPoint;
  readonly reason: string;
}

/** What servers have in common that differ in their load alone. */
export interface ServerSetting {
  readonly model: SiliconModel;
  readonly formats: CheckpointFormats;
  readonly device: string;
  readonly engine: string;
  readonly served: ServedOn;
  readonly cache: NumberFormat;
  readonly memoryShare: number | null;
}

/** Servers of models whose configs lie in the unpacked wheel; each is compiled once. */
export class Servers {
  readonly #configs: string;
  readonly #architectures = new Map<string, ModelArchitecture | string>();
  readonly #servers = new Map<string, TimedServer | string>();

  constructor(folder: string) {
    this.#configs = join(folder, 'aiconfigurator_core/model_configs');
  }

  /** @returns a reason where the model cannot be read or its step cannot be timed. */
  serverOf(setting: ServerSetting): TimedServer | string {
    return getOrMake(this.#servers, JSON.stringify(setting), () => this.#made(setting));
  }

  architectureOf(model: SiliconModel): ModelArchitecture | string {
    return getOrMake(this.#architectures, model.config, () => {
      const file = join(this.#configs, `${model.config}_config.json`);
      if (!existsSync(file)) return `no config of ${model.name}`;
      const read = architectureFromConfig(JSON.parse(readFileSync(file, 'utf8')));
      return read.ok ? read.architecture : `the config of ${model.name}: ${read.reason}`;
    });
  }

  #made({ model, ...setting }: ServerSetting): TimedServer | string {
    const architecture = this.architectureOf(model);
    return typeof architecture === 'string' ? architecture : timedServer(architecture, setting);
  }
}

/** @returns a reason where no step can be timed. */
export function timedServer(
  architecture: ModelArchitecture,
  { formats, device, engine, served, cache, memoryShare }: Omit<ServerSetting, 'model'>,
): TimedServer | string {
  const [hardware, named] = [requireHardware(device), servingEngineNamed(engine)];
  if (named === null) return `no engine ${engine}`;
  const own = servedIn(architecture, formats);
  const { tensor, data, expert } = served;
  const setting = {
    parallelism: {
      tensor,
      pipeline: 1,
      expert,
      data,
    },
    kernels: kernelsIn(cache),
    graphs: named.graphs,
    host: NO_HOST,
  };
  try {
    const step = compileStep(own, timesOn(hardware, engine), setting);
    if (!('secondsOf' in step)) return step.join('; ');
    const held = residency(own, setting, named.memory, hardware.memoryBytes!.value, memoryShare);
    return { step, cacheTokens: held.sequencesOf(LONG) * LONG };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Tokens of a sequence by which the cache is counted: what sequences keep once hardly matters. */
const LONG = 4096;

/** Requests of a run for each client: InferenceX sends ten, and of many clients fewer tell as much. */
const ROUNDS = 10;
const FEW_CLIENTS = 128;
const FEW_ROUNDS = 5;

/** @returns times of the device, without the host. */
export function predictPoint(servers: Servers, point: SiliconPoint): Predicted | Unanswered {
  const recipe = recipeOf(point);
  const server = servers.serverOf({
    model: point.model,
    formats: point.formats,
    device: point.device,
    engine: point.engine,
    served: point.served,
    cache: recipe.cache,
    memoryShare: recipe.memoryShare,
  });
  if (typeof server === 'string') return { point, reason: server };
  const longest = point.promptTokens + point.answerTokens;
  if (server.cacheTokens < longest)
    return { point, reason: `${point.model.name} leaves no room for a sequence of ${longest} tokens` };
  return { point, times: timesOf(point, recipe, server) };
}

function timesOf(point: SiliconPoint, recipe: Recipe, { step, cacheTokens }: TimedServer): LoopTimes {
  const clients = Math.max(1, Math.round(point.concurrency / point.served.data));
  return runClosedLoop(
    {
      policy: POLICIES[point.engine]!,
      clients,
      requests: clients * (clients > FEW_CLIENTS ? FEW_ROUNDS : ROUNDS),
      promptTokens: point.promptTokens,
      answerTokens: point.answerTokens,
      shortest: recipe.shortest,
      stepTokens: recipe.stepTokens,
      cacheTokens,
      mostSequences: recipe.mostSequences ?? clients,
      waiting: recipe.waiting,
    },
    (decodes, contextTokens, chunks) => step.secondsOf({ decodes, contextTokens, chunks }),
  );
}
