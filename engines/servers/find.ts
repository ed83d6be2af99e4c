import { execFile } from 'node:child_process';
import { findProgram } from '../../process/isolation/start-tools.js';
import { VERSION } from '../../process/package.js';
import { whyNotReady } from './ask.js';
import { isOwn } from './command.js';
import type { ConfiguredServer } from './config.js';
import { installedRelease } from './distribution.js';
import { keyOf } from './key.js';

/** Less than a probe may take as a whole (agent/probe.ts). */
const VERSION_SECONDS = 50;
const MOST_VERSION = 100;

/** A server of a node, and what was found of it. */
export interface FoundServer {
  readonly server: ConfiguredServer;
  /** What it says that it is; null = it cannot be had. */
  readonly release: string | null;
  /** Why it cannot be had; null = it can. */
  readonly problem: string | null;
}

/**
 * Asks programs for their releases and addresses whether they answer. Never throws.
 * @param limitSeconds that a program is given, where its installation does not say its release.
 */
export async function findServers(
  servers: readonly ConfiguredServer[],
  limitSeconds = VERSION_SECONDS,
): Promise<FoundServer[]> {
  return await Promise.all(servers.map((server) => findServer(server, limitSeconds)));
}

async function findServer(server: ConfiguredServer, limitSeconds: number): Promise<FoundServer> {
  const found = (release: string): FoundServer => ({ server, release, problem: null });
  const missing = (problem: string): FoundServer => ({ server, release: null, problem });
  const { profile, address, command } = server;
  if (address !== null) {
    try {
      const why = await whyNotReady({ url: address, apiKey: keyOf(server) }, profile.readiness.path);
      return why === null
        ? found(`${profile.name} at ${address}`)
        : missing(`nothing answers at ${address}${profile.readiness.path}: ${why}`);
    } catch (error) {
      return missing((error as Error).message);
    }
  }
  // It is as old as Ridgepoint itself.
  if (isOwn(command ?? [])) return found(`${profile.name} ${VERSION}`);
  const [program = '', ...rest] = command ?? [];
  const path = findProgram(program, server.environment.PATH ?? process.env.PATH);
  if (path === null) return missing(`there is no program ${program}`);
  // Of a wrapper's own arguments its installation says nothing.
  const installed = rest.length === 0 ? installedRelease(path) : null;
  if (installed !== null) return found(`${profile.name} ${installed}`);
  const words = [...rest, ...profile.version];
  const { problem, text } = await said(path, words, server.environment, limitSeconds);
  const release = releaseIn(text);
  return release === null
    ? missing(`${program} does not tell its version: ${problem ?? 'it says nothing'}`)
    : found(`${profile.name} ${release}`);
}

/** What a program says of itself, and in a clause what went wrong; null = nothing did. */
function said(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  limitSeconds: number,
): Promise<{ readonly problem: string | null; readonly text: string }> {
  const line = [program, ...words].join(' ');
  return new Promise((resolve) => {
    execFile(
      program,
      words,
      { timeout: 1000 * limitSeconds, killSignal: 'SIGKILL', env: { ...process.env, ...environment } },
      (error, stdout, stderr) => {
        const text = `${stdout}\n${stderr}`;
        if (error === null) resolve({ problem: null, text });
        else if (error.killed) {
          resolve({ problem: `\`${line}\` took more than ${limitSeconds} s`, text: '' });
        } else {
          const last = text.trim().split('\n').at(-1)!.slice(0, MOST_VERSION);
          const how = typeof error.code === 'number' ? `ended with exit code ${error.code}` : error.code;
          resolve({ problem: `\`${line}\` ${how}${last === '' ? '' : `: ${last}`}`, text });
        }
      },
    );
  });
}

/** The first line that has a number with a dot or follows the word version, without what a logger put around it. */
function releaseIn(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const line =
    lines.find((one) => /version/i.test(one) && /\d/.test(one)) ?? lines.find((one) => /\d+\.\d+/.test(one));
  return line === undefined ? null : line.replace(/^.*?version:?\s*/i, '').slice(0, MOST_VERSION);
}
