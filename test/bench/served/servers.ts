import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OwnServer, ownServer } from '../../../batching/own-server.js';
import { openArchitecture } from '../../../cli/roofline/open-model.js';
import { thisNode } from '../../../cli/this-node.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { type Factors, factorsSchema } from '../../../core/result/factors.js';
import { recordRoofsOf } from '../../../core/result/roofs-record.js';
import { llamaServerPasses } from '../../../core/work/llama-cpp.js';
import { pagedPasses } from '../../../core/work/paged.js';
import { commandLine } from '../../../engines/servers/command.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import type { Wanted } from '../../../engines/servers/pool.js';
import { lastCacheBytes } from '../../../process/device/caches.js';
import { factorsAt } from '../../../roofline/factor-at.js';
import { type MachineModel, measuredMachine } from '../../../roofline/machine-model.js';
import { RIDGE } from '../../support/ridge.js';

/** One thread: two would wait for each other wherever somebody else has a CPU. */
const THREADS = 1;
const SLOTS = 8;
const CONTEXT = 512;

export interface BenchPlace {
  readonly folder: string;
  /** GGUF. */
  readonly model: string;
}

/** A real server with what predicts it. */
export interface ServerUnderTest {
  readonly name: string;
  readonly wanted: Wanted;
  readonly predicted: OwnServer;
}

/** What the node measured of itself, once for all starts. */
interface OwnNode {
  readonly machineModel: MachineModel;
  readonly factors: Factors;
}

function ridge(place: BenchPlace, words: readonly string[]): string {
  return execFileSync(process.execPath, [RIDGE, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, XDG_STATE_HOME: join(place.folder, 'state') },
    maxBuffer: 2 ** 28,
  }).toString();
}

/** Measures roofs and fits factors, unless the folder has them. */
export async function ownNode(place: BenchPlace): Promise<OwnNode> {
  mkdirSync(place.folder, { recursive: true });
  const kept = join(place.folder, 'factors.json');
  if (!existsSync(kept)) {
    ridge(place, ['roofs']);
    const words = ['factors', '--threads', String(THREADS), '--types', 'f16', '--json'];
    writeFileSync(kept, ridge(place, words));
  }
  process.env.XDG_STATE_HOME = join(place.folder, 'state');
  const node = await thisNode(undefined);
  const device = node.profile.devices[0]!;
  const roofs = (await node.store.newest(device.id))!;
  const machineModel = measuredMachine(
    recordRoofsOf(roofs.roofs, roofs.id),
    { name: device.name, memoryBytes: null },
    THREADS,
    lastCacheBytes(device.cpus, node.sysRoot),
  )!;
  return { machineModel, factors: factorsSchema.parse(JSON.parse(readFileSync(kept, 'utf8'))) };
}

/** @returns llama-server; null = none was built, and none is on the path. */
export function llamaServer(place: BenchPlace, { machineModel, factors }: OwnNode): ServerUnderTest | null {
  const options = {
    threads: THREADS,
    maxSequences: SLOTS,
    maxContext: CONTEXT,
    prefixCaching: false,
  };
  const wanted = wantedOf('llama-server', options, place.model, {});
  if (wanted === null) return null;
  const architecture = openArchitecture(place.model, []);
  return {
    name: 'llama-server',
    wanted,
    predicted: known(
      ownServer({
        engine: 'llama-server',
        model: {
          architecture,
          setting: known(llamaServerPasses.setting(architecture, options)),
          machineModel,
          factors: factorsAt(factors.threads, THREADS),
        },
        flags: { parallel: SLOTS, ctxSize: SLOTS * CONTEXT, cachePrompt: false },
        cacheTokens: SLOTS * CONTEXT,
      }),
    ),
  };
}

/** @param program of vLLM; null = it is not here. */
export function vllm(
  place: BenchPlace,
  program: string | null,
  { machineModel }: OwnNode,
): ServerUnderTest | null {
  if (program === null || !existsSync(program)) return null;
  const folder = join(place.folder, 'safetensors');
  if (!existsSync(join(folder, 'config.json')))
    ridge(place, [
      ...['models', 'convert', place.model, '--to', 'safetensors', '--type', 'f32', '--dequantize'],
      ...['--out', folder],
    ]);
  const options = {
    dataType: 'float32',
    cudaGraphs: false,
    maxContext: CONTEXT,
    maxSequences: SLOTS,
    prefixCaching: false,
  };
  const wanted = wantedOf('vllm', options, folder, {
    command: [program],
    environment: { VLLM_CPU_KVCACHE_SPACE: '1', VLLM_CPU_OMP_THREADS_BIND: '0' },
    change: { readiness: { path: '/health', seconds: 3600 } },
  })!;
  const architecture = openArchitecture(folder, []);
  return {
    name: 'vllm',
    wanted,
    predicted: known(
      ownServer({
        engine: 'vllm',
        model: {
          architecture,
          setting: known(pagedPasses(true).setting(architecture, options)),
          machineModel,
          factors: 'roofs',
        },
        flags: { maxNumSeqs: SLOTS, enablePrefixCaching: false },
        cacheTokens: 2 * SLOTS * CONTEXT,
      }),
    ),
  };
}

function known<T>(found: T | string): T {
  if (typeof found === 'string') throw new Error(found);
  return found;
}

function wantedOf(name: string, options: Options, modelPath: string, entry: object): Wanted | null {
  const server = configuredServers(serversSchema.parse({ [name]: entry }))[0]!;
  const [program = ''] = server.command ?? [];
  if (!program.includes('/')) return null;
  const { profile, environment } = server;
  return {
    request: {
      name: server.name,
      command: commandLine(server, {
        options,
        modelPath,
        modelName: 'small',
        adapters: [],
        loras: [],
        draftPath: null,
        cpus: THREADS,
        deviceClass: 'cpu',
      }),
      environment: { ...profile.environment, ...environment, CUDA_VISIBLE_DEVICES: '' },
      profile,
      model: 'small',
      apiKey: null,
      deviceId: 'cpu0',
    },
    block: 'bench',
    cpus: [],
    memoryLimitBytes: null,
    cgroupFolder: null,
  };
}
