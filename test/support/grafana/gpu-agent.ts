import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildNvmlStub, canBuildStub, H100, writeScript } from '../nvml-stub.js';
import { freePort, until } from '../services.js';

export interface GpuAgent {
  /** `host:port` of its metrics. */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * An agent whose two GPUs are a scripted driver's, in a process of its own, for that is where a system's
 * loader looks for libraries. It takes no work.
 * @returns null where there is no compiler.
 */
export async function startGpuAgent(coordinator: string, folder: string): Promise<GpuAgent | null> {
  if (!canBuildStub) return null;
  const driver = join(folder, 'driver');
  mkdirSync(driver);
  symlinkSync(buildNvmlStub(), join(driver, 'libnvidia-ml.so.1'));
  const port = await freePort();
  const config = {
    nodeName: 'node-gpu',
    coordinator,
    stateFolder: join(folder, 'gpu-state'),
    cacheFolder: join(folder, 'gpu-cache'),
    runners: [],
    roofs: 'off',
    exporter: { host: '127.0.0.1', port },
    logLevel: 'silent',
  };
  const program = join(import.meta.dirname, '../../fixtures/configured-agent.ts');
  const script = writeScript({
    0: { ...H100, uuid: 'GPU-aaaa' },
    1: { ...H100, uuid: 'GPU-bbbb', throttle: 0x40 },
  });
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(config)], {
    env: { ...process.env, LD_LIBRARY_PATH: driver, NVML_STUB_SCRIPT: script },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const address = `127.0.0.1:${port}`;
  await until(
    'the agent with GPUs to answer',
    async () => ((await fetch(`http://${address}/healthz`)).ok ? true : null),
    60,
  );
  return {
    address,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
