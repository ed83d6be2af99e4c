import { allNodes, type RequestGraph } from '../../core/graph/graph.js';
import { externalName, type ScorerName } from '../../core/quality/scorers/index.js';
import type { CommandProfile } from '../quality/scoring/external-scorer.js';
import { profilesNamed, type Scorers } from '../quality/scoring/scorers.js';

/** What graphs may run on a node, and be scored by. */
export interface NodeCommands {
  readonly commands: Readonly<Record<string, CommandProfile>>;
  readonly scorers: Scorers;
}

/**
 * @returns the commands and scorers of a node that a graph names.
 * @throws FailureError `source-not-allowed` for one that is not there.
 */
export function usedBy({ body, scorers }: RequestGraph, node: NodeCommands): NodeCommands {
  const commands = allNodes(body).flatMap((one) => (one.kind === 'command' ? [one.command] : []));
  const external = scorers.flatMap((name) => externalName(name as ScorerName) ?? []);
  return {
    commands: profilesNamed(commands, node.commands, 'command', 'commands'),
    scorers: profilesNamed(external, node.scorers, 'scorer', 'scorers'),
  };
}
