import { z } from 'zod';

/**
 * RPC servers of llama.cpp that sweeps may name, and the backend's library. Nothing of this protocol proves
 * who speaks, and nothing is encrypted.
 */
export const rpcSchema = z.strictObject({
  library: z
    .string()
    .min(1)
    .optional()
    .describe(
      "`libggml-rpc` of this engine's release; left out = the one that `ridge engines build rpc` made here.",
    ),
  servers: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use small letters, digits and dashes'),
      z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,253}:\d{1,5}$/, {
          error: 'write host:port, the host as a name or an IPv4 address',
          abort: true,
        })
        .refine((address) => isPort(Number(address.split(':')[1])), 'ports are 1 to 65535'),
    )
    .superRefine((servers, context) => {
      const names = new Map<string, string>();
      for (const [name, address] of Object.entries(servers)) {
        const other = names.get(address.toLowerCase());
        names.set(address.toLowerCase(), name);
        if (other === undefined) continue;
        context.addIssue({ code: 'custom', path: [name], message: `has the address of ${other}` });
      }
    })
    .default({})
    .describe('`host:port` by name.'),
});

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535;
}

/** As the agent's configuration has it. */
export type ConfiguredRpc = z.output<typeof rpcSchema>;
