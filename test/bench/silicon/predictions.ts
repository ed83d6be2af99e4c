import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PredictedServer, predictedServer } from '../../../batching/predicted-server.js';
import type { SchedulerFlags } from '../../../batching/schedulers/index.js';
import { getOrMake } from '../../../core/maps.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import type { NumberFormat } from '../../../core/work/operator-call.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { architectureFromConfig } from '../../../roofline/readers/config.js';
import { isKnown } from '../../../roofline/step/calls-time.js';
import { servingEngineNamed } from '../../../roofline/step/engines.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import { NO_HOST } from '../../../roofline/step/setting.js';
import type { CheckpointFormats, SiliconModel } from './models.js';
import type { ServedOn, SiliconPoint } from './points.js';
import { REQUESTS_OF_A_CLIENT, type Recipe, recipeOf } from './recipes.js';
import { type LoopTimes, loadOfLoop, spentIn } from './spent.js';

/** A point with what is predicted for it before times of the host, or the reason why nothing is. */
export interface Predicted {
  readonly point: SiliconPoint;
  readonly times: LoopTimes;
  /** Standard deviation of ln(predicted / measured) of operators alone. */
  readonly spread: number;
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
  readonly flags: SchedulerFlags;
}

/** Servers of models whose configs lie in the unpacked wheel; each is compiled once. */
export class Servers {
  readonly #configs: string;
  readonly #architectures = new Map<string, ModelArchitecture | string>();
  readonly #servers = new Map<string, PredictedServer | string>();

  constructor(folder: string) {
    this.#configs = join(folder, 'aiconfigurator_core/model_configs');
  }

  /** @returns a reason where the model cannot be read or its step cannot be timed. */
  serverOf(setting: ServerSetting): PredictedServer | string {
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

  #made({ model, ...setting }: ServerSetting): PredictedServer | string {
    const architecture = this.architectureOf(model);
    return typeof architecture === 'string' ? architecture : timedServer(architecture, setting);
  }
}

/** @returns a server without times of the host; a reason where there is none. */
export function timedServer(
  architecture: ModelArchitecture,
  { formats, device, engine, served, cache, memoryShare, flags }: Omit<ServerSetting, 'model'>,
): PredictedServer | string {
  const [hardware, named] = [requireHardware(device), servingEngineNamed(engine)];
  if (named === null) return `no engine ${engine}`;
  const { tensor, data, expert } = served;
  const server = predictedServer({
    architecture: servedIn(architecture, formats),
    formats: { matrices: null, cache },
    device: hardware,
    memoryBytes: hardware.memoryBytes!.value,
    engine: named,
    release: null,
    parallelism: { tensor, pipeline: 1, expert, data },
    replicas: 1,
    flags,
    memoryShare,
    host: NO_HOST,
    own: null,
  });
  return isKnown(server) ? server : server.join('; ');
}

/** @returns times of the device, without the host. */
export function predictPoint(servers: Servers, point: SiliconPoint): Predicted | Unanswered {
  const recipe = recipeOf(point);
  const { cache, memoryShare, flags } = recipe;
  const { model, formats, device, engine, served } = point;
  const server = servers.serverOf({ model, formats, device, engine, served, cache, memoryShare, flags });
  if (typeof server === 'string') return { point, reason: server };
  const longest = point.promptTokens + point.answerTokens;
  const { cacheTokens, scheduler } = server.server;
  const refusal = scheduler.refusal(point.promptTokens, point.answerTokens, cacheTokens);
  if (refusal !== null)
    return { point, reason: `${model.name} with ${longest} tokens of a sequence: ${refusal}` };
  return { point, times: timesOf(point, recipe, server), spread: server.spread };
}

/** Of one of the groups that have an attention of their own: they share the clients evenly. */
function timesOf(point: SiliconPoint, { shortest }: Recipe, { server }: PredictedServer): LoopTimes {
  const clients = Math.max(1, Math.round(point.concurrency / point.served.data));
  const { promptTokens, answerTokens } = point;
  const requests = clients * REQUESTS_OF_A_CLIENT;
  const load = loadOfLoop({ clients, requests, promptTokens, answerTokens, shortest });
  return spentIn(load, { ...server, replicas: 1 });
}
