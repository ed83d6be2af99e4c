/**
 * Starts a server for its keeper, and leaves nothing of it behind: neither when it ends, nor when the keeper
 * does, however that is killed. It has a session of its own, so that what is sent to the keeper's group does
 * not reach it, and orphans below it are its own. What ends warden and keeper at the same moment leaves the
 * kernel's signal, which reaches the server itself and none of its workers.
 */
import { spawn } from 'node:child_process';
import { endDescendants } from '../../process/isolation/kill.js';
import { findStartTools, wrapCommand } from '../../process/isolation/start-tools.js';
import { adoptOrphans } from '../native/orphans.js';
import type { WardenOrder, WardenReport } from './job.js';

await adoptOrphans();
process.once('disconnect', () => void leave());
process.once('message', ({ command, args, env }: WardenOrder) => {
  const wrapped = wrapCommand({ command, args }, [], findStartTools());
  // In a group of its own, which is ended where descendants cannot be listed.
  const server = spawn(wrapped.command, wrapped.args, { stdio: 'inherit', env, detached: true });
  const finish = async (report: WardenReport) => {
    tell(report);
    endGroup(server.pid);
    await leave();
  };
  server.once('spawn', () => tell({ pid: server.pid! }));
  server.once('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    void finish({ exitCode: null, signal: null });
  });
  server.once('exit', (exitCode, signal) => void finish({ exitCode, signal }));
  process.on('message', (signal: NodeJS.Signals) => void server.kill(signal));
  process.once('exit', () => endGroup(server.pid));
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void leave());

function tell(report: WardenReport): void {
  if (process.connected) process.send!(report);
}

async function leave(): Promise<void> {
  await endDescendants();
  process.exit(0);
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing is left of it.
  }
}
