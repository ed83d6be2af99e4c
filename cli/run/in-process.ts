import { hostname } from 'node:os';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { Pusher } from '../../coordinator/exporter/push/pusher.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import { energyChoice } from '../agent/agent.js';
import { asWords, EXIT } from '../exit.js';
import { ownAgentConfig } from '../node-config.js';
import { say } from '../output/print.js';
import { saying } from '../single/step-progress.js';
import { begin } from './begin.js';
import { drive, type Job } from './drive.js';
import type { RunFolder } from './folder.js';

/** A run may be over in less than the minute between two scrapes, so it pushes more often. */
const INTERVAL_SECONDS = 5;

/** @returns what pushes to where the options say. @throws CommandError (2) when one is wrong. */
function pusherTo(url: string, tokenFile: string | null): Pusher {
  const target = { job: 'ridgepoint-run', instance: hostname() };
  return asWords(() => new Pusher({ url, intervalSeconds: INTERVAL_SECONDS, tokenFile }, target, say));
}

/** Runs a job by a coordinator and an agent of this process. @returns as `drive`. */
export async function runIn(folder: RunFolder, job: Job): Promise<number> {
  const { options } = job;
  const { otlp, pushTokenFile = null } = options;
  const pusher = otlp === undefined ? null : pusherTo(otlp, pushTokenFile);
  const coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: options.metrics ?? null,
    webAddress: options.web ?? null,
    log: { kind: 'sqlite', path: folder.log },
    // This process is the whole fleet: what does not fit here never will.
    fixedFleet: true,
    logLevel: process.env.RIDGE_DEBUG ? 'debug' : 'silent',
  });
  const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
  let agent: RunningAgent | null = null;
  try {
    if (coordinator.metricsUrl !== null) say(`metrics at ${coordinator.metricsUrl}`);
    if (coordinator.webUrl !== null) say(`web view at ${coordinator.webUrl}`);
    const time = await begin(control, job);
    if (time === null) return EXIT.interrupted;
    const config = embeddedAgentConfig(coordinator, folder, job);
    const starting = startAgent(config);
    const started = await saying(process.stderr, 'looking at what this machine has', starting);
    agent = started;
    // What both would show to a scrape.
    pusher?.start(async () => {
      const { families, genAi } = await coordinator.pushed();
      return { families: [...families, ...started.families()], genAi };
    });
    const { cacheFolder } = config;
    return await drive(coordinator, started, folder, { ...job, cacheFolder, control }, time);
  } catch (error) {
    // What runs could not be kept, so nobody waits for it.
    await agent?.stopNow();
    throw error;
  } finally {
    control.close();
    await pusher?.stop();
    await agent?.stop();
    await coordinator.stop('the run is over');
    job.promise.end();
  }
}

function embeddedAgentConfig(
  coordinator: RunningCoordinator,
  folder: RunFolder,
  { sweep, folders, options }: Job,
): ReturnType<typeof ownAgentConfig> {
  const runners = sweep.runners.map(({ kind }) => kind);
  return ownAgentConfig(options, runners, ({ meters }) => ({
    coordinator: coordinator.grpcAddress,
    modelFolders: [...folders],
    stateFolder: folder.agent,
    // Those that were measured before the run, by this machine's own agent or by `ridge roofs`.
    roofs: 'stored',
    // How and where to measure is the node's to say; what is measured was said on the command line.
    meters: { ...meters, ...energyChoice(options.energy) },
    logLevel: process.env.RIDGE_DEBUG ? 'debug' : 'silent',
  }));
}
