import {
  diagnoseEngines,
  diagnoseOnnxRuntime,
  diagnoseRpc,
  type EngineDiagnosis,
} from '../../engines/native/diagnose.js';
import { findServers } from '../../engines/servers/find.js';
import { agentConfig } from '../node-config.js';
import { printTable } from '../output/plain-table.js';
import { printJson } from '../output/print.js';

/** `ridge engines list`: every engine, backend and server, whether it can be had, and why not. */
export async function listEngines(options: {
  readonly config?: string;
  readonly json?: true;
}): Promise<void> {
  const { servers, onnxRuntimes, rpc } = agentConfig(options.config).engines;
  const [native, onnx, remote, found] = await Promise.all([
    diagnoseEngines(),
    diagnoseOnnxRuntime(onnxRuntimes),
    diagnoseRpc(rpc),
    findServers(servers),
  ]);
  const engines: EngineDiagnosis[] = [
    ...native,
    ...onnx,
    ...remote,
    ...found.map(({ server: { name, profile }, release, problem }) => ({
      name: `server ${name}${name === profile.name ? '' : ` (${profile.name})`}`,
      ok: problem === null,
      reason: release ?? problem ?? '',
      hint: problem === null ? null : `Install it, or mend servers.${name} in the agent’s configuration.`,
    })),
  ];
  if (options.json === true) return printJson(engines);
  printTable(
    ['engine', 'loads', 'what was found'],
    engines.map((e) => [e.name, e.ok ? 'yes' : 'no', e.reason]),
  );
}
