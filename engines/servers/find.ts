import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { findProgram } from '../../process/isolation/start-tools.js';
import { VERSION } from '../../process/package.js';
import { whyNotReady } from './ask.js';
import { isOwn } from './command.js';
import type { ConfiguredServer } from './config.js';
import { keyOf } from './key.js';
import { releaseAt } from './recognize.js';

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
    const { path } = profile.readiness;
    try {
      const at = { url: address, apiKey: keyOf(server) };
      const why = await whyNotReady(at, path);
      if (why === null) {
        const release = await releaseAt(at, profile);
        return found(`${profile.name}${release === null ? '' : ` ${release}`} at ${address}`);
      }
      return missing(`nothing answers at ${address}${path}: ${why}`);
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
  const args = [...rest, ...profile.version];
  const { problem, text } = await outputOf(path, args, server.environment, limitSeconds);
  const release = releaseIn(text);
  return release === null
    ? missing(`${program} does not tell its version: ${problem ?? 'it says nothing'}`)
    : found(`${profile.name} ${release}`);
}

/** What a program says of itself, and in a clause what went wrong; null = nothing did. */
function outputOf(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  limitSeconds: number,
): Promise<{ readonly problem: string | null; readonly text: string }> {
  const line = `\`${[program, ...args].join(' ')}\``;
  const env = { ...process.env, ...environment };
  const options = { timeout: 1000 * limitSeconds, killSignal: 'SIGKILL', env } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const text = `${stdout}\n${stderr}`;
      if (error === null) return resolve({ problem: null, text });
      if (error.killed) return resolve({ problem: `${line} took more than ${limitSeconds} s`, text: '' });
      const last = text.trim().split('\n').at(-1)!.slice(0, MOST_VERSION);
      const how = typeof error.code === 'number' ? `ended with exit code ${error.code}` : error.code;
      resolve({ problem: `${line} ${how}${last === '' ? '' : `: ${last}`}`, text });
    });
  });
}

/**
 * The first line that has a number with a dot or follows the word version, without what a logger put around
 * it.
 */
function releaseIn(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const line =
    lines.find((one) => /version/i.test(one) && /\d/.test(one)) ?? lines.find((one) => /\d+\.\d+/.test(one));
  return line === undefined ? null : line.replace(/^.*?version:?\s*/i, '').slice(0, MOST_VERSION);
}

/**
 * The release of a Python program, read from its installation (the `.dist-info` folders of PyPA's "Recording
 * installed projects"). The program itself is not asked: it would first import all that it needs, such as
 * torch, which can take minutes.
 * @param program path of a script that pip, uv or conda installed.
 * @returns the version of the distribution that has it as its entry point; null where none has: another kind
 *   of program, or a wrapper.
 */
function installedRelease(program: string): string | null {
  try {
    const script = realpathSync(program);
    const name = script.slice(script.lastIndexOf('/') + 1);
    const prefix = dirname(dirname(script));
    for (const folder of packageFolders(prefix)) {
      for (const entry of readdirSync(folder).toSorted()) {
        if (!entry.endsWith('.dist-info') || !hasEntryPoint(join(folder, entry), name)) continue;
        const version = /^Version: (\S+)/m.exec(readFileSync(join(folder, entry, 'METADATA'), 'utf8'))?.[1];
        if (version !== undefined) return version;
      }
    }
  } catch {
    // It is not there, or its installation is not a Python one: the program itself is asked.
  }
  return null;
}

/** Where an interpreter of this prefix keeps packages; Debian's has a folder of its own. */
function packageFolders(prefix: string): string[] {
  const pythons = ['lib', 'lib64'].flatMap((lib) => {
    const names = listed(join(prefix, lib)).filter((name) => /^python3(\.\d+)?$/.test(name));
    return names.map((name) => join(prefix, lib, name));
  });
  const all = pythons.flatMap((folder) => [join(folder, 'site-packages'), join(folder, 'dist-packages')]);
  return all.filter((folder) => listed(folder).length > 0);
}

function listed(folder: string): string[] {
  return orElse(() => readdirSync(folder), []);
}

/**
 * `[console_scripts]` and `[gui_scripts]` of entry_points.txt have a line `name = module:function` for each
 * program.
 */
function hasEntryPoint(folder: string, name: string): boolean {
  const lines = orElse(() => readFileSync(join(folder, 'entry_points.txt'), 'utf8').split('\n'), []);
  return lines.some((line) => line.split('=', 1)[0]!.trim() === name);
}
