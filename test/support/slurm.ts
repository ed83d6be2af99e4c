import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, installed, until } from './services.js';

/** Daemons of Debian's packages slurmctld, slurmd and munge; they want to be root. */
export const hasSlurm =
  ['slurmctld', 'slurmd', 'munged', 'sbatch'].every(installed) && process.getuid?.() === 0;

export interface Slurm {
  readonly folder: string;
  /** For commands that ask it. */
  readonly env: Record<string, string>;
  /** Runs one of its commands. @returns what it says on stdout. */
  run(command: string, ...words: string[]): string;
  stop(): Promise<void>;
}

/**
 * A Slurm of its own on this machine: a controller, and as many nodes as asked for, each a slurmd, all of
 * them this machine. A task that is told to end is killed `killSeconds` later.
 */
export async function startSlurm(nodes: number, killSeconds = 10): Promise<Slurm> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-slurm-'));
  const ports = await Promise.all(Array.from({ length: nodes + 1 }, freePort));
  const file = join(folder, 'slurm.conf');
  const socket = join(folder, 'munge.socket');
  for (const name of ['state', 'spool']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o600 });
  writeFileSync(file, configuration(folder, socket, ports, killSeconds));
  const env = { SLURM_CONF: file };
  const daemons = [
    start('munged', [
      ...['--foreground', '--force', `--socket=${socket}`, `--key-file=${join(folder, 'munge.key')}`],
      ...['pid', 'log', 'seed'].map((what) => `--${what}-file=${join(folder, `munge.${what}`)}`),
    ]),
  ];
  const run = (command: string, ...words: string[]) =>
    execFileSync(command, words, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const stop = async () => {
    for (const { kill, ended } of daemons.reverse()) {
      kill();
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('munged to answer', async () => (run('munge', '-n', '-S', socket) === '' ? null : true));
    daemons.push(start('slurmctld', ['-D', '-c', '-f', file]));
    for (let i = 0; i < nodes; i += 1) daemons.push(start('slurmd', ['-D', '-f', file, '-N', `n${i}`]));
    await until('every node of Slurm to be idle', async () =>
      run('sinfo', '--noheader', '--Node', '--states=idle').trim().split('\n').length === nodes ? true : null,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder, env, run, stop };
}

function start(program: string, words: readonly string[]) {
  const child = spawn(program, words, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { ended, kill: () => void child.kill('SIGTERM') };
}

function configuration(folder: string, socket: string, ports: readonly number[], killSeconds: number) {
  const [controller, ...nodes] = ports;
  const host = hostname();
  return `${[
    'ClusterName=test',
    `SlurmctldHost=${host}(127.0.0.1)`,
    'SlurmUser=root',
    'SlurmdUser=root',
    'AuthType=auth/munge',
    // A task that is requeued waits until what proved the first one to its node has expired.
    `AuthInfo=socket=${socket},cred_expire=10`,
    `StateSaveLocation=${folder}/state`,
    `SlurmdSpoolDir=${folder}/spool/%n`,
    `SlurmctldPidFile=${folder}/slurmctld.pid`,
    `SlurmdPidFile=${folder}/slurmd-%n.pid`,
    `SlurmctldLogFile=${folder}/slurmctld.log`,
    `SlurmdLogFile=${folder}/slurmd-%n.log`,
    `SlurmctldPort=${controller}`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_CPU',
    'ReturnToService=2',
    `KillWait=${killSeconds}`,
    'SchedulerParameters=sched_interval=1,requeue_delay=1',
    'SchedulerType=sched/backfill',
    'MailProg=/bin/true',
    'AccountingStorageType=accounting_storage/none',
    'JobAcctGatherType=jobacct_gather/none',
    'MpiDefault=none',
    'SlurmdParameters=config_overrides',
    ...nodes.map(
      (port, i) =>
        `NodeName=n${i} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port} CPUs=1 RealMemory=2000 State=UNKNOWN`,
    ),
    'PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP',
  ].join('\n')}\n`;
}
