import { execFile } from 'node:child_process';
import { FailureError, failure } from '../../../core/errors.js';
import type { ServerKindName } from '../../../core/runners/server/index.js';
import { formatOf } from '../../../formats/index.js';
import { VERSION } from '../../../installation/package.js';
import { isReady } from '../../servers/ask.js';
import { isOwn } from '../../servers/command.js';
import type { ConfiguredServer } from '../../servers/config.js';
import { keyOf } from '../../servers/key.js';
import type { EndpointFacts, EndpointOpened } from '../opened.js';
import type { EndpointRequest, Runner, RunnerProbe } from '../runner.js';

const VERSION_MILLISECONDS = 60_000;
const MOST_VERSION = 100;

/**
 * A server that answers by OpenAI's API. It runs in a process of its own that the agent keeps (agent/servers); the trial's child
 * only asks it.
 */
export function serverRunner(kind: ServerKindName): Runner {
  return {
    kind,
    probe: async (servers) => await probe(kind, servers),
    opens: { endpoint: async (request) => openEndpoint(kind, request) },
  };
}

/** Which of the node's servers with this profile can be had: a program that says its release, or an address that answers. */
async function probe(kind: ServerKindName, servers: readonly ConfiguredServer[]): Promise<RunnerProbe> {
  const own = servers.filter(({ profile }) => profile.name === kind);
  const tried = await Promise.all(own.map(async (server) => ({ server, ...(await releaseOf(server)) })));
  const there = tried.filter((one) => one.release !== null);
  const [first] = there;
  const notes = tried.flatMap(({ server, problem }) =>
    problem === null ? [] : [`${server.name}: ${problem}`],
  );
  if (first === undefined) {
    return {
      available: false,
      kind,
      reason: notes.length > 0 ? notes.join('; ') : `the node's configuration names no server ${kind}`,
      hint: `name it under servers in the agent's configuration (docs/servers.md)`,
    };
  }
  const devices = first.server.profile.devices;
  const variants = there.map(({ server }) => server.name);
  return { available: true, profile: { kind, release: first.release ?? kind, devices, variants }, notes };
}

/** @returns what a server says that it is, or why it cannot be had. */
async function releaseOf(
  server: ConfiguredServer,
): Promise<{ readonly release: string | null; readonly problem: string | null }> {
  const { profile, address, command } = server;
  if (address !== null) {
    const key = keyOrProblem(server);
    if ('problem' in key) return { release: null, problem: key.problem };
    const ready = await isReady({ url: address, ...key }, profile.readiness.path);
    return ready
      ? { release: `${profile.name} at ${address}`, problem: null }
      : { release: null, problem: `nothing answers at ${address}${profile.readiness.path}` };
  }
  // It is as old as Ridgepoint itself.
  if (isOwn(command ?? [])) return { release: `${profile.name} ${VERSION}`, problem: null };
  const [program = '', ...rest] = command ?? [];
  return await new Promise((resolve) => {
    execFile(
      program,
      [...rest, ...profile.version],
      { timeout: VERSION_MILLISECONDS, env: { ...process.env, ...server.environment } },
      (error, stdout, stderr) => {
        if (error !== null && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) {
          resolve({ release: null, problem: `there is no program ${program}` });
          return;
        }
        const said = releaseIn(`${stdout}\n${stderr}`);
        if (said === null)
          resolve({
            release: null,
            problem: `${program} does not tell its version: ${error?.message ?? 'it says nothing'}`,
          });
        else resolve({ release: `${profile.name} ${said}`, problem: null });
      },
    );
  });
}

function keyOrProblem(
  server: ConfiguredServer,
): { readonly apiKey: string | null } | { readonly problem: string } {
  try {
    return { apiKey: keyOf(server) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** The first line that has a number with a dot or follows the word version, without what a logger put around it. */
function releaseIn(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const line =
    lines.find((one) => /version/i.test(one) && /\d/.test(one)) ?? lines.find((one) => /\d+\.\d+/.test(one));
  return line === undefined ? null : line.replace(/^.*?version:?\s*/i, '').slice(0, MOST_VERSION);
}

/** @throws FailureError `impossible-combination` for a trial whose server was not started. */
function openEndpoint(kind: ServerKindName, { served, modelPath }: EndpointRequest): EndpointOpened {
  if (served === null) {
    throw new FailureError(failure('impossible-combination', `no server ${kind} was started for this trial`));
  }
  return { facts: factsOf(served.name, modelPath), served, warnings: [], close() {} };
}

/** Of the file that is served, read from its header; the server itself tells nothing of it. */
function factsOf(server: string, modelPath: string | null): EndpointFacts {
  const inspected = modelPath === null ? null : formatOf(modelPath).inspect(modelPath);
  return {
    modelBytes: inspected?.weightBytes ?? null,
    parameters: inspected?.facts.parameters ?? null,
    kvCacheBytes: null,
    environment: { server },
  };
}
