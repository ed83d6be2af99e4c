import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { ownProgram } from '../../process/isolation/own-program.js';

/** A simulated server in a process of its own. */
export interface SimulatorProcess {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/**
 * Starts a simulated server with these command-line arguments; it ends with this process at the latest.
 * @throws Error if it prints no address.
 */
export async function startSimulatorProcess(args: readonly string[]): Promise<SimulatorProcess> {
  const { loader, path } = ownProgram('load/simulator/main');
  // NODE_OPTIONS of this process (inspectors, loaders, coverage) would change the server's speed.
  const { NODE_OPTIONS: _dropped, ...env } = process.env;
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', 'ipc'];
  const child = fork(path, [...args], { execArgv: [...loader], env, stdio });
  const url = await firstLine(child);
  return {
    url,
    pid: child.pid!,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const part of child.stdout!) {
    text += String(part);
    const [line, more] = text.split('\n');
    if (more !== undefined) return line!;
  }
  throw new Error('the simulated server ended before it listened');
}
