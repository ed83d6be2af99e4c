import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import type { RunningCoordinator } from '../../coordinator/main.js';
import { readAffinity } from '../../process/device/affinity.js';
import { overridesOf, readConfig } from '../agent/agent.js';
import { clientSecurity } from '../connection.js';
import { EXIT, usageError, workError } from '../exit.js';
import { say } from '../output/print.js';
import { startError } from '../start-error.js';
import { submit } from '../submit/submit.js';
import { type Allocation, allocationOf, leavingTime, secondsOf } from './allocation.js';
import { HERE, type SlurmTaskOptions } from './command.js';
import { announce, announced, placesIn, startHere } from './here.js';

const LOOK_SECONDS = 0.5;
/** The others of the array leave within so long of the end of everything. */
const FAREWELL_SECONDS = 60;

/**
 * `ridge slurm task`: an agent for as long as its allocation lives, and in the first task the coordinator
 * where it is here.
 * @returns the exit code.
 */
export async function runTask(options: SlurmTaskOptions): Promise<number> {
  const allocation = allocationOf(process.env);
  if (allocation === null) {
    throw usageError(
      'this is no task of a Slurm job: SLURM_JOB_ID is not set',
      '`ridge slurm submit` starts it.',
    );
  }
  sayUnbound(allocation);
  const ending = new Ending(options.drain, await askLimit(allocation.jobId));
  try {
    const here = options.coordinator === HERE;
    const coordinator = here && allocation.first ? await beginHere(options) : null;
    const code = await work(allocation, options, ending, coordinator);
    if (coordinator !== null) await endHere(options, coordinator, ending);
    if (ending.atLimit && options.goOn === true && code === EXIT.ok) await requeue(allocation);
    return code;
  } catch (error) {
    throw startError(error);
  } finally {
    ending.close();
  }
}

/** SIGTERM of Slurm, and what is left of the time then. */
class Ending {
  readonly #warnedSeconds: number;
  readonly #limit: number | null;
  readonly #asked = new AbortController();
  readonly #listener = () => this.#hear();
  finishSeconds = 0;
  atLimit = false;

  constructor(warnedSeconds: number, leftSeconds: number | null) {
    this.#warnedSeconds = warnedSeconds;
    this.#limit = leftSeconds === null ? null : performance.now() / 1000 + leftSeconds;
    process.on('SIGTERM', this.#listener);
    process.on('SIGINT', this.#listener);
  }

  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  close(): void {
    process.off('SIGTERM', this.#listener);
    process.off('SIGINT', this.#listener);
  }

  #hear(): void {
    if (this.signal.aborted) return;
    const left = this.#limit === null ? null : this.#limit - performance.now() / 1000;
    Object.assign(this, leavingTime(left, this.#warnedSeconds));
    say(
      this.atLimit
        ? `the time limit is near: what runs has ${this.finishSeconds.toFixed(0)} s to finish, then it is given back`
        : 'told to end: what runs is given back',
    );
    this.#asked.abort();
  }
}

async function work(
  allocation: Allocation,
  options: SlurmTaskOptions,
  ending: Ending,
  coordinator: RunningCoordinator | null,
): Promise<number> {
  const config = await configOf(allocation, options, ending, coordinator);
  if (config === null) return EXIT.ok;
  const agent = await startAgent(config);
  say(`${allocation.node} on ${hostname()}: works for ${config.endpoint().address}`);
  const leave = () => void leaving(agent, ending);
  if (ending.signal.aborted) leave();
  else ending.signal.addEventListener('abort', leave, { once: true });
  await agent.done;
  return EXIT.ok;
}

/** Finishes, then gives back, and at the very end kills: whatever is not reported by then is in the spool. */
async function leaving(agent: RunningAgent, { finishSeconds }: Ending): Promise<void> {
  if (finishSeconds > 0) {
    void agent.drain('the allocation ends');
    await Promise.race([agent.done, sleep(finishSeconds * 1000, undefined, { ref: false })]);
  }
  void agent.stop();
  await Promise.race([agent.done, sleep(10_000, undefined, { ref: false })]);
  await agent.stopNow();
}

/**
 * @returns the agent's configuration; null = everything was done before this task had its turn.
 * @throws CommandError (1) where no coordinator comes.
 */
async function configOf(
  { node }: Allocation,
  options: SlurmTaskOptions,
  ending: Ending,
  coordinator: RunningCoordinator | null,
): Promise<ReturnType<typeof readConfig> | null> {
  const here = options.coordinator === HERE;
  const found = here ? await awaitHere(options, ending) : options;
  if (found === null) return null;
  const { folder, config, models, energy, leaveIdle } = options;
  const connection = {
    coordinator: found.coordinator,
    tlsCa: found.tlsCa,
    tlsCert: found.tlsCert,
    tlsKey: found.tlsKey,
    tokenFile: found.tokenFile,
  };
  const asked = {
    ...(JSON.parse(JSON.stringify(connection)) as typeof found),
    ...(config !== undefined && { config }),
    ...(energy !== undefined && { energy }),
    models,
    label: [],
    name: node,
    data: join(folder, 'state'),
    // People read the output of tasks.
    ...(process.env.RIDGE_LOG_FORMAT === undefined && { logFormat: 'text' as const }),
    untilDone: true as const,
    // Who is the coordinator stays for the others anyway.
    ...(coordinator === null && { leaveIdle }),
  };
  const read = readConfig(asked, overridesOf(asked));
  if (!here) return read;
  // A coordinator that begins again may be on another node.
  const endpoint = () => {
    const { coordinator: address, ...files } = announced(folder) ?? found;
    return { address, security: clientSecurity(files) };
  };
  return { ...read, endpoint };
}

/** Waits for the first task to say where it is. @returns null when everything is done. */
async function awaitHere({ folder, leaveIdle }: SlurmTaskOptions, { signal }: Ending) {
  const until = performance.now() + leaveIdle * 1000;
  for (;;) {
    if (existsSync(placesIn(folder).done)) {
      say('everything is done');
      return null;
    }
    const found = announced(folder);
    if (found !== null) return found;
    if (signal.aborted) return null;
    if (performance.now() > until) {
      throw workError(
        `no coordinator was announced in ${folder} for ${leaveIdle} s`,
        'The first task of the array is the coordinator: its output says what keeps it.',
      );
    }
    await sleep(LOOK_SECONDS * 1000);
  }
}

async function beginHere(options: SlurmTaskOptions): Promise<RunningCoordinator> {
  const coordinator = await startHere(options.folder);
  const address = await announceAfter(options, coordinator);
  say(`coordinator: ${address}`);
  return coordinator;
}

/** The others come when there is something to do: those that come to an empty coordinator leave at once. */
async function announceAfter(options: SlurmTaskOptions, coordinator: RunningCoordinator): Promise<string> {
  const { folder, sweep } = options;
  if (sweep !== undefined) {
    const own = coordinator.grpcAddress.replace(/^0\.0\.0\.0/, 'localhost');
    const { quick, strict } = options;
    const how = { ...(quick && { quick }), ...(strict && { strict }) };
    await submit(sweep, { coordinator: own, ...placesIn(folder).security, ...how });
  }
  return await announce(folder, coordinator);
}

/** Stays until everything is done or the allocation ends; leaves the results beside the log. */
async function endHere(
  options: SlurmTaskOptions,
  coordinator: RunningCoordinator,
  ending: Ending,
): Promise<void> {
  const { folder } = options;
  const isDone = () => coordinator.status().sweeps.every(({ state }) => state !== 'running');
  while (!isDone() && !ending.signal.aborted) await sleep(LOOK_SECONDS * 1000);
  if (isDone()) {
    await writeFile(placesIn(folder).done, '');
    const until = performance.now() + FAREWELL_SECONDS * 1000;
    while (coordinator.status().nodesConnected > 0 && performance.now() < until && !ending.signal.aborted)
      await sleep(LOOK_SECONDS * 1000);
    if (!ending.signal.aborted) await leaveResults(folder);
  }
  await rm(placesIn(folder).address, { force: true });
  await coordinator.stop(isDone() ? 'everything is done' : 'the allocation ends');
}

/** What people come for, as files: the coordinator that they could ask is gone with its allocation. */
async function leaveResults(folder: string): Promise<void> {
  const found = announced(folder);
  if (found === null) return;
  const connection = [
    '--coordinator',
    found.coordinator,
    '--tls-ca',
    found.tlsCa ?? '',
    '--tls-cert',
    found.tlsCert ?? '',
    '--tls-key',
    found.tlsKey ?? '',
  ];
  for (const [format, name] of [
    ['jsonl', 'results.jsonl'],
    ['html', 'report.html'],
  ] as const) {
    const path = join(folder, name);
    const args = [process.argv[1] ?? '', 'results', '--format', format, ...connection];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.pipe(createWriteStream(path));
    const [code] = (await once(child, 'close')) as [number | null];
    say(code === 0 ? `wrote ${path}` : `${path} could not be written whole`);
  }
}

/** @returns seconds until the time limit of the job; null = it has none, or nobody knows. */
async function askLimit(jobId: string): Promise<number | null> {
  const args = ['--noheader', '--jobs', jobId, '--format', '%L'];
  return await promisify(execFile)('squeue', args, { timeout: 10_000 }).then(
    ({ stdout }) => secondsOf(stdout.split('\n')[0] ?? ''),
    () => null,
  );
}

/** Not everything is done, and its time was: it waits in the queue again. */
async function requeue({ jobId, node }: Allocation): Promise<void> {
  try {
    await promisify(execFile)('scontrol', ['requeue', jobId], { timeout: 10_000 });
    say(`${node} is in the queue again`);
  } catch (error) {
    say(`${node} could not be queued again: ${(error as Error).message.trim()}`);
  }
}

/** Slurm counts CPUs; whether it also holds a task to its own is a setting of the cluster. */
function sayUnbound({ cpus }: Allocation): void {
  const usable = readAffinity('self')?.length ?? 0;
  if (cpus === null || usable <= cpus) return;
  say(
    `Slurm gave ${cpus} of this machine's CPUs and holds the task to none of its ${usable}: trials and other jobs disturb each other. ` +
      'Ask for the whole node (`-- --exclusive`), or have TaskPlugin=task/cgroup or task/affinity set.',
  );
}
