import { failed } from '../../../core/errors.js';
import { PROFILES, SERVER_KINDS, type ServerKindName } from '../../../core/runners/server/index.js';
import { formatOf } from '../../../formats/index.js';
import type { ConfiguredServer } from '../../servers/config.js';
import { findServers } from '../../servers/find.js';
import type { EndpointFacts, EndpointOpened } from '../opened.js';
import { defineRunner, type EndpointRequest, type Runner, type RunnerProbe } from '../runner.js';
import { openCompletions } from './completions.js';

/**
 * A server that answers by OpenAI's API. It runs in a process of its own that the agent keeps
 * (engines/servers); the trial's child only asks it.
 */
export function serverRunner(kind: ServerKindName): Runner {
  return defineRunner<(typeof SERVER_KINDS)[typeof kind]>(
    SERVER_KINDS[kind],
    async ({ servers = [] }) => await probe(kind, servers),
    {
      endpoint: async (request) => openEndpoint(kind, request),
      completions: async (request) => await openCompletions(openEndpoint(kind, request), request),
    },
  );
}

/**
 * Which of the node's servers with this profile can be had: a program that says its release, or an address
 * that answers.
 */
async function probe(kind: ServerKindName, servers: readonly ConfiguredServer[]): Promise<RunnerProbe> {
  const tried = await findServers(servers.filter(({ profile }) => profile.name === kind));
  const there = tried.filter((one) => one.release !== null);
  const [first] = there;
  const problems = tried.flatMap(({ server, problem }) =>
    problem === null ? [] : [{ name: server.name, problem }],
  );
  const notes = problems.map(({ name, problem }) => (name === kind ? problem : `${name}: ${problem}`));
  if (first === undefined) {
    const reason = notes.length > 0 ? notes.join('; ') : `the node's configuration names no server ${kind}`;
    const naming = `name it under servers in the agent's configuration (docs/servers.md)`;
    const hint =
      PROFILES[kind].built === null ? naming : `\`ridge engines build server\` compiles one; or ${naming}`;
    return { available: false, kind, reason, hint };
  }
  const devices = first.server.profile.devices;
  const variants = there.map(({ server }) => server.name);
  const releases = Object.fromEntries(there.map(({ server, release }) => [server.name, release ?? kind]));
  const missing = Object.fromEntries(problems.map(({ name, problem }) => [`server ${name}`, problem]));
  const profile = { kind, release: first.release ?? kind, devices, variants, releases };
  return { available: true, profile, notes, missing };
}

/** @throws FailureError `impossible-combination` for a trial whose server was not started. */
function openEndpoint(
  kind: ServerKindName,
  { served, modelPath }: Pick<EndpointRequest, 'served' | 'modelPath'>,
): EndpointOpened {
  if (served === null) throw failed('impossible-combination', `no server ${kind} was started for this trial`);
  return { facts: factsOf(served.name, modelPath), served, warnings: [], close() {} };
}

/** Of the file that is served, read from its header; the server itself tells nothing of it. */
function factsOf(server: string, modelPath: string | null): EndpointFacts {
  const inspected = modelPath === null ? null : formatOf(modelPath).inspect(modelPath);
  const [modelBytes, parameters] = [inspected?.weightBytes ?? null, inspected?.facts.parameters ?? null];
  return { modelBytes, parameters, kvCacheBytes: null, engineFiles: [], environment: { server } };
}
