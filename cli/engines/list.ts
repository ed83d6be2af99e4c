import { diagnose } from '../../engines/door.js';
import { agentConfig } from '../node-config.js';
import { printTable } from '../output/plain-table.js';
import { printJson } from '../output/print.js';

/** `ridge engines list`: every engine, backend and server, whether it can be had, and why not. */
export async function listEngines(options: {
  readonly config?: string;
  readonly json?: true;
}): Promise<void> {
  const { engines, servers } = await diagnose(agentConfig(options.config).engines);
  const all = [
    ...engines,
    ...servers.map(({ server: { name, profile }, ok, found, hint }) => {
      const called = name === profile.name ? name : `${name} (${profile.name})`;
      return { name: `server ${called}`, ok, reason: found, hint };
    }),
  ];
  if (options.json === true) return printJson(all);
  printTable(
    ['engine', 'loads', 'what was found'],
    all.map(({ name, ok, reason }) => [name, ok ? 'yes' : 'no', reason]),
  );
}
