import { execFile } from 'node:child_process';
import { VERSION } from '../../installation/package.js';
import { whyNotReady } from './ask.js';
import { isOwn } from './command.js';
import type { ConfiguredServer } from './config.js';
import { keyOf } from './key.js';

const VERSION_MILLISECONDS = 60_000;
const MOST_VERSION = 100;

/** A server of a node, and what was found of it. */
export interface FoundServer {
  readonly server: ConfiguredServer;
  /** What it says that it is; null = it cannot be had. */
  readonly release: string | null;
  /** Why it cannot be had; null = it can. */
  readonly problem: string | null;
}

/** Asks programs for their releases and addresses whether they answer. Never throws. */
export async function findServers(servers: readonly ConfiguredServer[]): Promise<FoundServer[]> {
  return await Promise.all(servers.map(findServer));
}

async function findServer(server: ConfiguredServer): Promise<FoundServer> {
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
  const { error, text } = await said(program, [...rest, ...profile.version], server.environment);
  if (error?.code === 'ENOENT' || error?.code === 'EACCES') return missing(`there is no program ${program}`);
  const release = releaseIn(text);
  return release === null
    ? missing(`${program} does not tell its version: ${error?.message ?? 'it says nothing'}`)
    : found(`${profile.name} ${release}`);
}

function said(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly error: (Error & { code?: string | number | null }) | null; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(
      program,
      words,
      { timeout: VERSION_MILLISECONDS, env: { ...process.env, ...environment } },
      (error, stdout, stderr) => resolve({ error, text: `${stdout}\n${stderr}` }),
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
