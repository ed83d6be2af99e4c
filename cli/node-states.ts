import type { NodeStatus } from '../proto/gen/ridgepoint/v1/control.js';

const AWAY: readonly string[] = ['lost', 'drained'];

/** @returns whether a node is connected to its coordinator. */
export const isConnected = ({ state }: Pick<NodeStatus, 'state'>): boolean => !AWAY.includes(state);

/** @returns whether a node is connected and neither leaves nor is kept from new work. */
export const takesWork = (node: Pick<NodeStatus, 'state' | 'cordoned'>): boolean =>
  isConnected(node) && node.state !== 'draining' && node.cordoned === '';
