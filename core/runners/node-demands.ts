import type { Options } from '../experiment/experiment.js';
import { devicesOf, splitAsked } from '../work/served-work.js';

/** What a node has to offer beside the runner itself; null = any will do. */
export interface NodeDemands {
  /** A release of the engine. */
  readonly release: string | null;
  /** A variant of its CPU library, or a server of the node's configuration. */
  readonly variant: string | null;
  /** What that is called in a sentence. */
  readonly said: string;
  /** Devices of the experiment's class that the trial takes, all of one node. */
  readonly devices: number;
}

/** Options that ask something of a node; they mean the same to every runner that has them. */
export function nodeDemands(options: Options): NodeDemands {
  const { engine, cpuBackend, server } = options;
  const word = (value: unknown) => (typeof value === 'string' ? value : null);
  const [backend, named] = [word(cpuBackend), word(server)];
  const said = backend === null ? `the server ${named}` : `the ${backend} CPU backend`;
  return {
    release: word(engine),
    variant: backend ?? named,
    said,
    devices: Number(options.gpus ?? devicesOf(splitAsked(options))),
  };
}
