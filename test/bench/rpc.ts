/**
 * bench:rpc: are RPC servers of llama.cpp devices like others, and is one that fails a failed trial and
 * nothing more? A server of the same release runs on loopback and gives the CPU.
 *
 * 1. Greedy tokens behind a prompt are those of the CPU alone, with all layers on the server, with half of
 *   them there, and over two servers.
 * 2. A trial through `agent/trial` completes: it has speeds, no energy and no roofs with their reasons, and
 *   what of the model the server held.
 * 3. A server that is killed between two repeats is a failed trial that says so, in less than 10 s; this
 *   process, the agent, goes on, and the next trial over a new server completes.
 * 4. A server that stops answering in the middle ends at the trial's own limit.
 * 5. One that accepts and never greets is a sentence within 20 s, 5 of which it is waited for.
 *
 * Tokens per second over loopback beside those of the CPU alone are shown and claim nothing: what a network
 * costs is the network's affair.
 *
 *   npm run bench -- rpc [--model=…/model.gguf] [--threads=1]
 *
 * `ridge engines build rpc` and `ridge engines build rpc-server` make what it takes;
 * RIDGEPOINT_RPC_LIBRARY=…/libggml-rpc.so and RIDGEPOINT_RPC_SERVER=…/ggml-rpc-server name others of the same
 * release.
 */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsualCores } from '../../agent/cores/usual.js';
import { IdleBaselines } from '../../agent/meters/baseline.js';
import type { TrialContext } from '../../agent/trial/context.js';
import { startTrial } from '../../agent/trial/start.js';
import { ArtifactStore } from '../../artifacts/files/store.js';
import type { Options } from '../../core/experiment/experiment.js';
import { readOptions } from '../../core/experiment/options.js';
import { isPresent, type ResultRecord } from '../../core/result/result.js';
import { runnerNamed } from '../../core/runners/index.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import { NO_ENGINES } from '../../engines/config.js';
import type { ConfiguredRpc } from '../../engines/native/llama-cpp/rpc-config.js';
import { loadModel } from '../../engines/runners/llama-cpp/load.js';
import { ServerPool } from '../../engines/servers/pool.js';
import { cpuDevices, readCpu } from '../../process/device/cpu.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { modelPath } from '../models/loading.js';
import { lease, QUICK } from '../support/bench.js';
import { findRpcParts, RPC_NEEDS, startRpcServer } from '../support/rpc-servers.js';
import { conclude, type Figure } from './figure.js';

const parts = findRpcParts();
if (parts === null) {
  console.error(`RPC servers ${RPC_NEEDS}.`);
  process.exit(2);
}
const { library } = parts;
const { values: options } = parseArgs({
  options: { model: { type: 'string' }, threads: { type: 'string', default: '1' } },
});
const MODEL = options.model === undefined ? modelPath('small') : resolve(options.model);
const THREADS = Number(options.threads);
const PROMPT = 64;
const TOKENS = 128;

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-rpc-'));
const servers: ChildProcess[] = [];
process.on('exit', () => {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function startServer() {
  const server = await startRpcServer(parts!, THREADS);
  servers.push(server.child);
  return server;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Greedy tokens behind the same prompt, and the logits of the last step. */
async function greedy(over: Options, configured: ConfiguredRpc) {
  const model = await loadModel({
    modelPath: MODEL,
    options: readOptions(llamaCpp.options, { threads: THREADS, ...over }),
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: readCpu().allowed.slice(0, THREADS),
    contextTokens: PROMPT + TOKENS,
    sequences: 1,
    engines: { ...NO_ENGINES, rpc: configured },
  });
  try {
    model.prefill([Int32Array.from({ length: PROMPT }, (_, i) => 3 + ((i * 37) % 997))]);
    const tokens: number[] = [];
    const seconds: number[] = [];
    for (let i = 0; i < TOKENS; i++) {
      const logits = model.logits(0);
      tokens.push(logits.reduce((best, value, at) => (value > logits[best]! ? at : best), 0));
      const from = monotonicSeconds();
      model.step(Int32Array.of(tokens.at(-1)!));
      seconds.push(monotonicSeconds() - from);
    }
    const { engineDevice, rpcHeldBytes } = model.facts.environment;
    return { tokens, logits: model.logits(0), seconds, engineDevice, rpcHeldBytes };
  } finally {
    model.close();
  }
}

function contextWith(rpc: ConfiguredRpc, trialTimeoutSeconds = 120): TrialContext {
  const cpu = readCpu();
  const memoryBytes = 8 * 2 ** 30;
  return {
    profile: {
      name: 'node1',
      hostname: 'host1',
      os: 'bench',
      architecture: process.arch,
      cpuModel: cpu.model,
      cpuFeatures: [],
      cores: cpu.allowed.length,
      memoryBytes,
      devices: cpuDevices(cpu, [], memoryBytes, null),
      runners: [{ kind: 'llama-cpp', release: 'bench', devices: ['cpu'], variants: [] }],
      energySources: [],
      absent: {},
      roofs: {},
      labels: {},
      version: '0.0.0',
    },
    nvml: { reason: 'no NVIDIA driver is asked' },
    meters: { energy: 'auto', replayFile: null, procRoot: '/proc', sysRoot: '/sys' },
    models: { modelFolders: [dirname(MODEL)], cacheFolder: folder },
    store: new ArtifactStore({ cacheFolder: folder, artifactBytes: 10e9 }),
    idle: new IdleBaselines(monotonicSeconds),
    roofs: { forDevice: () => null, absenceReason: () => 'a bench measures none' },
    cores: new UsualCores(join(folder, 'cores.json'), 'a bench'),
    limits: { trialTimeoutSeconds, memoryLimitBytes: null, cgroupFolder: null, idleSeconds: 0 },
    scorers: {},
    commands: {},
    factors: null,
    gridGramsPerKilowattHour: null,
    engines: { ...NO_ENGINES, rpc },
    servers: new ServerPool(),
    powerSocket: null,
  };
}

/** A trial over the server `desk`; `onRepeat` hears of every phase that ends. */
async function trial(
  node: TrialContext,
  change: { readonly repeats?: number; readonly onPhase?: () => void } = {},
): Promise<{ readonly record: ResultRecord; readonly seconds: number }> {
  const runner = runnerNamed('llama-cpp')!.options.parse({ rpcServers: 'desk', threads: THREADS }) as Options;
  const repeats = change.repeats ?? 3;
  const point = lease({
    model: { name: 'model', source: MODEL, digest: null, facts: null },
    runner: { kind: 'llama-cpp', options: runner },
    workload: {
      kind: 'latency',
      options: { promptTokens: 64, generateTokens: 64, parallel: 1, contextDepth: 0 },
    },
    measure: { ...QUICK, minRepeats: repeats, maxRepeats: repeats },
  });
  const from = monotonicSeconds();
  const record = await startTrial(point, node, () => change.onPhase?.()).done;
  return { record, seconds: monotonicSeconds() - from };
}

const figures: Figure[] = [];
const claim = (text: string, measured: string, required: string, holds: boolean) =>
  figures.push({ claim: text, measured, required, holds });

const desk = await startServer();
const attic = await startServer();
const both: ConfiguredRpc = { library, servers: { desk: desk.address, attic: attic.address } };

const alone = await greedy({}, both);
const rate = ({ seconds }: { readonly seconds: readonly number[] }) =>
  TOKENS / seconds.reduce((a, b) => a + b, 0);
console.log(`the CPU alone: ${rate(alone).toFixed(0)} tokens/s`);
for (const [name, over] of [
  ['all on one server', { rpcServers: 'desk' }],
  ['half on one server', { rpcServers: 'desk', gpuLayers: 4 }],
  ['over two servers', { rpcServers: 'desk/attic', tensorSplit: '2/1' }],
] as const) {
  const remote = await greedy(over, both);
  const same = remote.tokens.filter((token, i) => token === alone.tokens[i]).length;
  const apart = Math.max(...remote.logits.map((value, i) => Math.abs(value - alone.logits[i]!)));
  console.log(
    `${name} (${remote.engineDevice}): ${rate(remote).toFixed(0)} tokens/s, ${Number(remote.rpcHeldBytes) / 1e6} MB there`,
  );
  claim(
    `greedy tokens, ${name}`,
    `${same} of ${TOKENS} as on the CPU alone, logits apart by at most ${apart.toExponential(1)}`,
    `${TOKENS} of ${TOKENS}`,
    same === TOKENS,
  );
}
await kill(attic.child);

const whole = await trial(contextWith(both));
const { measurements, environment, failure } = whole.record;
const speed = measurements.decodeTokensPerSecond;
claim(
  'a trial over a server',
  failure === null
    ? `complete, ${isPresent(speed) ? speed.value.toFixed(0) : '–'} tokens/s, on ${environment.engineDevice}, ${environment.rpcHeldBytes} bytes there; energy: ${whole.record.absent.energy}; roofs: ${whole.record.absent.roofline}`
    : failure.message,
  'complete, with reasons for energy and roofs',
  failure === null &&
    isPresent(speed) &&
    environment.rpcServers === 'desk' &&
    /RPC servers/.test(whole.record.absent.energy ?? '') &&
    /RPC servers/.test(whole.record.absent.roofline ?? ''),
);

let phases = 0;
let killedAt = Number.NaN;
const died = await trial(contextWith(both), {
  repeats: 1000,
  onPhase() {
    phases += 1;
    if (phases !== 12) return;
    killedAt = monotonicSeconds();
    desk.child.kill('SIGKILL');
  },
});
const after = monotonicSeconds() - killedAt;
claim(
  'a server that is killed in the middle',
  `${died.record.status}, ${died.record.failure?.code}, ${after.toFixed(1)} s after it: ${died.record.failure?.message}`,
  'failed with its reason within 10 s',
  died.record.failure?.code === 'crashed' && /RPC/.test(died.record.failure.message) && after < 10,
);
const gone = await trial(contextWith(both));
claim(
  'a server that is gone',
  `${gone.record.failure?.code}: ${gone.record.failure?.message}`,
  'one sentence',
  gone.record.failure?.code === 'device-missing',
);

const again = await startServer();
const anew: ConfiguredRpc = { library, servers: { desk: again.address } };
const next = await trial(contextWith(anew));
claim('the next trial of the same agent', next.record.status, 'complete', next.record.failure === null);

const LIMIT = 15;
phases = 0;
const silent = await trial(contextWith(anew, LIMIT), {
  repeats: 100_000,
  onPhase() {
    phases += 1;
    if (phases === 12) again.child.kill('SIGSTOP');
  },
});
claim(
  'a server that stops answering in the middle',
  `${silent.record.failure?.code} after ${silent.seconds.toFixed(1)} s: ${silent.record.failure?.message}`,
  `timed-out within ${LIMIT + 10} s`,
  silent.record.failure?.code === 'timed-out' && silent.seconds < LIMIT + 10,
);

const mute = createServer((socket) => socket.on('error', () => {}));
await new Promise<void>((listening) => mute.listen(0, '127.0.0.1', listening));
const { port } = mute.address() as { port: number };
const unheard = await trial(contextWith({ library, servers: { desk: `127.0.0.1:${port}` } }));
mute.close();
claim(
  'a server that accepts and never greets',
  `${unheard.record.failure?.code} after ${unheard.seconds.toFixed(1)} s: ${unheard.record.failure?.message}`,
  'device-missing within 20 s',
  unheard.record.failure?.code === 'device-missing' && unheard.seconds < 20,
);

conclude('rpc', figures);
// The engine's own threads still wait for servers.
process.exit();
