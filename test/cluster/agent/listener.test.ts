import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { startTrial } from '../../../agent/trial/start.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { workloadNamed } from '../../../core/workloads/index.js';
import { NO_ENGINES } from '../../../engines/config.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { listenerAt } from '../../../engines/servers/listener.js';
import { startSimulatorProcess } from '../../../load/simulator/process.js';
import { descendantsOf } from '../../../process/isolation/processes.js';
import { lease, trialContext } from '../../support/bench.js';

/** Listens where it is told, says so, and has a child that computes for it. */
const SERVER = `
const { spawn } = require('node:child_process');
const server = require('node:http').createServer((_, response) => response.end('{}'));
const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
process.title = process.env.TITLE || 'server';
server.listen({ port: 0, host: process.env.HOST }, () => console.log(server.address().port, process.pid, worker.pid));
`;

const started: number[] = [];
afterEach(() => {
  for (const pid of started.splice(0)) process.kill(-pid, 'SIGKILL');
});

/** @returns the first line of a job of its own, as numbers, and the id of what leads it. */
async function job(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const leader = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  started.push(leader.pid!);
  const [said] = (await once(leader.stdout, 'data')) as [Buffer];
  return { leader: leader.pid!, said: said.toString().trim().split(' ').map(Number) };
}

describe.skipIf(process.platform !== 'linux')('the process that listens at a port (needs Linux)', () => {
  test.each(['127.0.0.1', '0.0.0.0', '::', '::1'])('is found, whatever it binds to: %s', async (HOST) => {
    const { leader, said } = await job(process.execPath, ['-e', SERVER], { HOST });
    expect(listenerAt(said[0]!)).toBe(leader);
  });

  test('stands for what started it as one job, such as a launcher', async () => {
    const { leader, said } = await job('sh', ['-c', '"$0" -e "$1" & wait', process.execPath, SERVER]);
    expect(leader).not.toBe(said[1]);
    expect(listenerAt(said[0]!)).toBe(leader);
    expect(descendantsOf(leader)).toEqual(expect.arrayContaining(said.slice(1)));
  });

  test('does not stand for the shell that started the agent, too', async () => {
    const simulator = await startSimulatorProcess([]);
    try {
      expect(listenerAt(Number(new URL(simulator.url).port))).toBe(simulator.pid);
    } finally {
      await simulator.close();
    }
  });

  test('is not told where it passes requests on, or is not seen', async () => {
    const { said } = await job(process.execPath, ['-e', SERVER], { TITLE: 'docker-proxy' });
    expect(listenerAt(said[0]!)).toMatch(/^docker-proxy listens at port \d+ and passes requests on/);
    expect(listenerAt(1)).toBe('no process of this machine is seen to listen at port 1');
  });
});

describe.skipIf(process.platform !== 'linux')('a server that somebody else keeps (needs Linux)', () => {
  const asked = () =>
    lease({
      runner: { kind: 'vllm', options: {} },
      workload: {
        kind: 'serving',
        options: workloadNamed('serving')!.options.parse({ requests: 30, outputTokens: 30 }) as Options,
      },
    });
  const nodeWith = (url: string) => {
    const context = trialContext();
    const runners = [{ kind: 'vllm', release: 'test', devices: ['cpu'], variants: ['vllm'] }];
    const configured = configuredServers(serversSchema.parse({ vllm: { attach: url } }));
    return {
      ...context,
      profile: { ...context.profile, runners },
      engines: { ...NO_ENGINES, servers: configured },
    };
  };

  test('on this machine is what a row tells of: its memory, its time, and as many tokens as it counts', async () => {
    const words = ['--speaks=vLLM', '--ttft=0.002', '--itl=0.001', '--late-text=4'];
    const simulator = await startSimulatorProcess(words);
    try {
      const { failure, measurements, serving } = await startTrial(asked(), nodeWith(simulator.url)).done;
      expect(failure).toBeNull();
      const there = descendantsOf(process.pid).includes(simulator.pid);
      expect(there).toBe(true);
      expect(measurements.peakResidentBytes!.value).toBeGreaterThan(20e6);
      expect(measurements.processCores!.value).toBeGreaterThan(0);
      expect(measurements.foreignCores!.value).not.toBeNull();
      expect(serving).toMatchObject({
        outputTokensBy: 'chunks',
        inside: { generatedTokens: { growth: 900 }, decodeSteps: { growth: 900 } },
      });
    } finally {
      await simulator.close();
    }
  });

  test('and passes requests on is told nothing of, with the reason', async () => {
    const { said } = await job(process.execPath, ['-e', SERVER], {
      HOST: '127.0.0.1',
      TITLE: 'docker-proxy',
    });
    const record = await startTrial(asked(), nodeWith(`http://127.0.0.1:${said[0]}`)).done;
    for (const name of ['processCores', 'foreignCores', 'peakResidentBytes'] as const)
      expect(record.measurements[name]).toMatchObject({
        value: null,
        reason: expect.stringContaining('docker-proxy listens at port'),
      });
    expect(record.warnings.map(({ code }) => code)).not.toContain('foreign-process');
  });
});
