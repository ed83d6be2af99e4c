import type { NodeProfile } from '../../core/experiment/node.js';
import { labelsText } from '../../core/experiment/node-selector.js';
import type { ControlConnection } from '../../proto/client.js';
import { parseNodeProfile } from '../../proto/convert.js';
import { WireError } from '../../proto/errors.js';
import type { NodeStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { withCoordinator } from '../connection.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import type { ListOptions } from '../sweeps/command.js';
import type { DrainOptions } from './command.js';

interface Row {
  readonly status: NodeStatus;
  readonly profile: NodeProfile;
}

/** Prints every node a coordinator knows, with its devices, runners and energy sources. */
export async function listNodes(options: ListOptions): Promise<void> {
  const { nodes, logDurability, logSentence, leaders } = await withCoordinator(options, async (control) => ({
    ...(await control.listNodes()),
    leaders: await control.leaders(),
  }));
  if (options.json === true) return printJson(nodeListing(nodes));
  const rows: Row[] = nodes.map((status) => ({ status, profile: parseNodeProfile(status.nodeProfileJson) }));
  if (logDurability === 'delayed' || logDurability === 'unknown')
    say(`the coordinator’s log: ${logSentence}`);
  sayWhoLeads(leaders);
  if (rows.length === 0) return say('no nodes yet; start one: `ridge agent --coordinator HOST:PORT`');
  printTable(
    ['node', 'state', 'cores', 'memory', 'devices', 'runners', 'energy', 'roofs', 'labels', 'running'],
    rows.map(({ status, profile }) => [
      status.name,
      status.cordoned === '' ? status.state : `${status.state}, cordoned`,
      profile.cores,
      `${(profile.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
      profile.devices.map((d) => d.classes.at(-1) ?? d.id).join(','),
      profile.runners.map((r) => r.kind).join(','),
      profile.energySources.join(',') || null,
      Object.keys(profile.roofs).join(',') || null,
      labelsText(profile.labels) || null,
      status.running[0]?.label ?? null,
    ]),
  );
}

/** @returns nodes as `ridge nodes --json` prints them. */
export function nodeListing(nodes: readonly NodeStatus[]): object[] {
  return nodes.map(({ name, state, lastSeenAt, running, cordoned, nodeProfileJson }) => {
    const profile = parseNodeProfile(nodeProfileJson);
    return { name, state, lastSeenAt, running, cordoned: cordoned === '' ? null : cordoned, profile };
  });
}

/** Of several coordinators, which one leads, which stand by, and which do not answer. */
function sayWhoLeads(leaders: Awaited<ReturnType<ControlConnection['leaders']>>): void {
  if (leaders.length === 1) {
    const answer = leaders[0]!.answer;
    if (answer instanceof WireError || answer.leaderAddress === answer.ownAddress) return;
  }
  for (const { address, answer } of leaders) {
    if (answer instanceof WireError) say(`coordinator ${address}: does not answer (${answer.message})`);
    else if (answer.leaderAddress === '') say(`coordinator ${address}: knows of none that leads`);
    else if (answer.leaderAddress === answer.ownAddress) say(`coordinator ${address}: leads`);
    else say(`coordinator ${address}: stands by; the one at ${answer.leaderAddress} leads`);
  }
}

/** `ridge nodes drain NAME`. */
export async function drainNode(node: string, options: DrainOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const { running } = await control.drainNode({ node, reason: options.reason });
    const rest =
      running === 0 ? 'nothing runs there' : `it finishes ${running === 1 ? 'a trial' : `${running} trials`}`;
    say(`${node} takes no more work and ends; ${rest}`);
  });
}

/** `ridge nodes cordon NAME` and `ridge nodes uncordon NAME`. */
export async function cordonNode(node: string, uncordon: boolean, options: DrainOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const { running, unchanged } = await control.cordonNode({ node, reason: options.reason, uncordon });
    const rest =
      uncordon || running === 0 ? '' : `; it finishes ${running === 1 ? 'a trial' : `${running} trials`}`;
    const what = uncordon ? 'gets work again' : 'gets no more work';
    say(
      unchanged
        ? `${node} ${uncordon ? 'was not cordoned' : 'was cordoned before'}`
        : `${node} ${what}${rest}`,
    );
  });
}
