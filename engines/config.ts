import { z } from 'zod';
import { withServersNamed } from './native/llama-cpp/rpc.js';
import { rpcSchema } from './native/llama-cpp/rpc-config.js';
import { runtimesSchema } from './native/onnxruntime/libraries.js';
import { type ConfiguredServer, configuredServers, serversSchema } from './servers/config.js';

/** Fields of an agent's configuration that are about engines. */
export const engineFields = {
  servers: serversSchema
    .default({})
    .describe(
      'Servers that a sweep may name, by name; those of shipped profiles are found on the PATH without it.',
    ),
  onnxRuntimes: runtimesSchema
    .default({})
    .describe(
      'Libraries of ONNX Runtime, by name, and plug-ins with execution providers for them (docs/onnx.md).',
    ),
  rpc: rpcSchema
    .prefault({})
    .describe('RPC servers of llama.cpp whose devices a sweep may use, by name (docs/rpc.md).'),
  softwareDevices: z
    .boolean()
    .default(false)
    .describe(
      'Whether GPUs that a driver computes on the CPU, such as Mesa’s lavapipe, count as devices, of the class `vulkan:software` (docs/vulkan.md).',
    ),
};

const engineSchema = z.strictObject(engineFields);

/**
 * What engines in a trial's own process are told. Each field is read by the runner that it belongs to;
 * whoever passes it on does not look inside.
 */
export type EngineConfig = Pick<z.output<typeof engineSchema>, 'onnxRuntimes' | 'rpc'>;

/** What a node's engines are told by its configuration. */
export interface NodeEngines extends EngineConfig {
  readonly servers: readonly ConfiguredServer[];
  /** Whether devices that a driver computes on the CPU count. */
  readonly softwareDevices: boolean;
}

/** @returns what a trial's own process is told: no server's command or environment. */
export const inProcess = ({ onnxRuntimes, rpc }: NodeEngines): EngineConfig => ({ onnxRuntimes, rpc });

/** Of a configuration that says nothing. */
export const NO_ENGINES: NodeEngines = {
  servers: [],
  onnxRuntimes: {},
  rpc: { servers: {} },
  softwareDevices: false,
};

/** @throws Error with one sentence for a server that cannot be one. */
export function enginesOf({ servers, ...rest }: z.output<typeof engineSchema>): NodeEngines {
  const { onnxRuntimes, rpc, softwareDevices } = rest;
  return { servers: configuredServers(servers), onnxRuntimes, rpc, softwareDevices };
}

/** @returns the same with the names of servers in place of their addresses, which are no part of a record. */
export function withoutAddresses<Texts>(texts: Texts, { rpc }: EngineConfig): Texts {
  return withServersNamed(texts, rpc);
}
