import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAgentConfig } from '../../../agent/config.js';
import { fittedEngine } from '../../../agent/factors/engine.js';
import { FactorsStore } from '../../../agent/factors/store.js';
import { startAgent } from '../../../agent/main.js';
import { RoofsStore } from '../../../agent/roofs/store.js';
import { startCoordinator } from '../../../coordinator/main.js';
import { FACTORS_SCHEMA } from '../../../core/result/factors.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { cpuDevices, readCpu } from '../../../process/device/cpu.js';
import { connectControl } from '../../../proto/client.js';
import { sampleRoofs } from '../../unit/roofs/sample.js';
import { PERFECT } from '../roofline.js';
import { freePort, type Prometheus, startPrometheus } from '../services.js';
import { submission } from '../sweeps.js';
import { startGpuAgent } from './gpu-agent.js';

/** The source is renewed so often that a phase of the smallest model is long enough for it. */
const SOURCE_SECONDS = 0.002;

/** A coordinator and an agent in this process, and a Prometheus that scrapes both. */
export interface ScrapedFleet {
  readonly prometheus: Prometheus;
  /** Of the coordinator, for more agents. */
  readonly address: string;
  /** Of the live web view. */
  readonly webUrl: string;
  /** Submits a sweep, waits for its end, and gives the results that count. */
  run(document: string): Promise<ResultRecord[]>;
  stop(): Promise<void>;
}

/**
 * A fleet that has everything to show: roofs and factors of the node are given (whether they are right is not
 * the question), and a trace stands in for an energy source.
 * @param rules files that the Prometheus evaluates every second
 */
export async function startScrapedFleet(rules: readonly string[] = []): Promise<ScrapedFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-observed-'));
  const closers: (() => Promise<unknown> | undefined)[] = [];
  const close = async () => {
    for (const one of closers.reverse()) await one();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: `127.0.0.1:${await freePort()}`,
      webAddress: '127.0.0.1:0',
      log: { kind: 'memory' },
      heartbeatSeconds: 1,
      drainSeconds: 0,
      logLevel: 'silent',
    });
    closers.push(() => coordinator.stop('the test is over'));
    const replayFile = join(folder, 'trace.json');
    writeFileSync(replayFile, JSON.stringify({ samples: trace() }));
    const agent = await startAgent(
      loadAgentConfig({
        env: {},
        overrides: {
          nodeName: 'node-a',
          coordinator: coordinator.grpcAddress,
          stateFolder: join(folder, 'state'),
          cacheFolder: join(folder, 'cache'),
          runners: ['llama-cpp', 'fake', 'simulated-server'],
          roofs: await ceilings(join(folder, 'roofs')),
          roofsFolder: join(folder, 'roofs'),
          meters: { energy: 'replay', replayFile, idleSeconds: 0.5 },
          exporter: { host: '127.0.0.1', port: 0 },
          logLevel: 'silent',
        },
      }),
    );
    closers.push(() => agent.stopNow());
    const gpus = await startGpuAgent(coordinator.grpcAddress, folder);
    if (gpus !== null) closers.push(gpus.stop);
    const host = (url: string | null) => new URL(url ?? '').host;
    const targets = {
      coordinator: host(coordinator.metricsUrl),
      agent: host(agent.exporterUrl),
      ...(gpus !== null && { gpus: gpus.address }),
    };
    const prometheus = await startPrometheus(targets, { rules });
    closers.push(() => prometheus.stop());
    return {
      prometheus,
      address: coordinator.grpcAddress,
      webUrl: coordinator.webUrl ?? '',
      run: (document) => run(coordinator.grpcAddress, document),
      stop: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function run(address: string, document: string): Promise<ResultRecord[]> {
  const control = connectControl({ address, security: { kind: 'plaintext' } });
  try {
    const asked = submission(document);
    const { sweepId } = await control.submitSweep(asked);
    for await (const { status } of control.watchSweep({ sweepId })) {
      if (status && status.queued === 0 && status.running === 0) break;
    }
    const records: ResultRecord[] = [];
    for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials: false })) {
      records.push(JSON.parse(recordJson) as ResultRecord);
    }
    return records;
  } finally {
    control.close();
  }
}

/**
 * Writes roofs of this machine's first device, and factors that are relative to them.
 * @returns the path of the roofs.
 */
async function ceilings(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const [device] = cpuDevices(readCpu(), [], 1, null);
  if (device === undefined) throw new Error('this machine has no CPU');
  const named = { id: device.id, class: device.classes.at(-1) ?? 'cpu', name: device.name };
  const { id, path, roofs } = await new RoofsStore(folder).put(sampleRoofs({ device: named }));
  const { f16 } = PERFECT.products;
  if (f16 === undefined) throw new Error('the sample has no factors of f16');
  await new FactorsStore(folder).put({
    schema: FACTORS_SCHEMA,
    device: named,
    measuredAt: roofs.measuredAt,
    roofs: id,
    engine: fittedEngine() ?? 'none',
    environment: { engineBuild: '0' },
    quick: false,
    threads: [{ ...PERFECT, products: { f16, q8_0: f16, f32: f16 } }],
    evidence: [],
    warnings: [],
    caveats: [],
  });
  return path;
}

/** An hour of a package at 50 W, with its power beside the counter. */
function trace(): ResultRecord['samples'] {
  const seconds = Array.from({ length: 3600 }, (_, second) => second);
  const rapl = { meter: 'rapl', periodSeconds: SOURCE_SECONDS };
  const power = seconds.map((second) => 50 + Math.sin(second));
  return [
    {
      ...rapl,
      quantity: 'energyJoules:package-0',
      unit: 'J',
      kind: 'counter',
      seconds: [0, 3600],
      values: [0, 180_000],
    },
    { ...rapl, quantity: 'powerWatts:package-0', unit: 'W', kind: 'gauge', seconds, values: power },
  ];
}
