import type { Options } from '../experiment/experiment.js';
import { devicesOf, splitAsked } from '../work/served-work.js';

/** What a node has to offer beside the runner itself. */
export interface NodeDemands {
  /** A release of the engine; null = any will do. */
  readonly release: string | null;
  /** Variants of the runner: of its CPU library, or what the node's configuration names. */
  readonly variants: readonly NamedVariant[];
  /** Devices of the experiment's class that the trial takes, all of one node. */
  readonly devices: number;
  /** RPC servers, by the names of the node's configuration, that have a part of the model. */
  readonly rpcServers: readonly string[];
}

interface NamedVariant {
  readonly name: string;
  /** What it is called in a sentence, and in what a node says of it (`NodeProfile.absent`). */
  readonly said: string;
}

/** Options that ask something of a node; they mean the same to every runner that has them. */
export function nodeDemands(options: Options): NodeDemands {
  const { engine, cpuBackend, server, rpcServers } = options;
  const textOf = (value: unknown) => (typeof value === 'string' ? value : null);
  const named = (value: unknown, said: (name: string) => string) => {
    const name = textOf(value);
    return name === null ? [] : [{ name, said: said(name) }];
  };
  const servers = textOf(rpcServers)?.split('/') ?? [];
  return {
    release: textOf(engine),
    variants: [
      ...named(cpuBackend, (name) => `${name} CPU backend`),
      ...named(server, (name) => `server ${name}`),
      ...servers.map((name) => ({ name: rpcVariant(name), said: `RPC server ${name}` })),
    ],
    devices: Number(options.gpus ?? devicesOf(splitAsked(options))),
    rpcServers: servers,
  };
}

/** @returns how a runner's profile names an RPC server among its variants. */
export function rpcVariant(server: string): string {
  return `rpc:${server}`;
}
