import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { integerBetween } from '../core/bounds.js';
import { fileProblem } from '../core/input/file-problem.js';
import { LOG_SETTINGS } from '../core/log-settings.js';
import { orElse } from '../core/or-else.js';
import { NAMESPACE } from '../core/sweep/namespace.js';
import { securityOf } from '../proto/credentials.js';
import { invalid } from '../proto/errors.js';
import { DEFAULT_COORDINATOR } from '../proto/ports.js';
import type { ClientSecurity } from '../proto/security.js';

/** Everything an operator can be told; every field has a default. */
export const operatorSettingsSchema = z.strictObject({
  coordinator: z
    .string()
    .min(1)
    .default(DEFAULT_COORDINATOR)
    .describe('host:port of the coordinator that sweeps are submitted to, or several with commas between.'),
  credentialsFolder: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'A folder with ca.crt, and tls.crt with tls.key, or token; left out = plain text, which only loopback allows.',
    ),
  namespaces: z
    .array(z.string().min(1))
    .default([])
    .describe('Whose Sweeps are looked after; empty = those of all namespaces.'),
  coordinatorNamespaces: z
    .record(
      z.string().min(1),
      z.string().regex(NAMESPACE, 'use small letters, digits, dots and dashes, 63 at most'),
    )
    .default({})
    .describe(
      'Namespaces of the coordinator, by namespaces of Kubernetes. Sweeps of one that is not named here are in the one of the same name.',
    ),
  coordinatorsOfSweeps: z
    .boolean()
    .default(false)
    .describe('A Sweep may name another coordinator, with a Secret that the operator may read.'),
  lease: z
    .strictObject({
      namespace: z.string().min(1).nullable().default(null).describe('null = where the operator is at home.'),
      name: z.string().min(1).default('ridgepoint-operator').describe('Name of the Lease.'),
      seconds: integerBetween(1, 3600)
        .default(15)
        .describe('It is free so long after its holder was last heard of.'),
    })
    .prefault({})
    .describe('Of several operators the holder of this Lease works.'),
  agents: z
    .strictObject({
      image: z.string().min(1).default('ridgepoint-agent').describe('Image of the agent.'),
      imagePullPolicy: z
        .enum(['Always', 'IfNotPresent', 'Never'])
        .nullable()
        .default(null)
        .describe('As in Kubernetes; null = what the cluster does.'),
      imagePullSecrets: z.array(z.string().min(1)).default([]).describe('Secrets for the registry.'),
      credentials: z.string().min(1).nullable().default(null).describe("A Secret in the Sweep's namespace."),
      coordinator: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe('What agents dial; null = what the operator dials.'),
      user: z
        .number()
        .int()
        .min(1)
        .nullable()
        .default(10_001)
        .describe('User and group; null where the platform gives each namespace its own.'),
    })
    .prefault({})
    .describe('What Jobs of agents have where a Sweep does not say.'),
  pollSeconds: z
    .number()
    .positive()
    .max(3600)
    .default(3)
    .describe('How often the coordinator is asked where its sweeps stand.'),
  healthAddress: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Where /healthz and /readyz are served, host:port; null = nowhere.'),
  webhook: z
    .strictObject({
      address: z.string().min(1).describe('host:port, always HTTPS.'),
      certificateFolder: z
        .string()
        .min(1)
        .describe('A folder with tls.crt and tls.key; they are read again when they change.'),
    })
    .nullable()
    .default(null)
    .describe('Where the API server asks whether a Sweep may be applied; null = it is not asked.'),
  ...LOG_SETTINGS,
});

export type OperatorFile = z.input<typeof operatorSettingsSchema>;
export type OperatorSettings = z.output<typeof operatorSettingsSchema>;

/**
 * @param file YAML; left out = none.
 * @param given what the command line says; it counts.
 * @throws WireError `invalid` with every error in its details.
 */
export function readSettings(file: string | undefined, given: OperatorFile): OperatorSettings {
  const checked = operatorSettingsSchema.safeParse({ ...contentOf(file), ...given });
  if (checked.success) return checked.data;
  const errors = checked.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the file'}: ${message}`,
  );
  throw invalid("the operator's configuration is wrong", errors);
}

function contentOf(file: string | undefined): object {
  if (file === undefined) return {};
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'), { maxAliasCount: 100 }) ?? {};
  } catch (error) {
    const why =
      error instanceof Error && 'code' in error && typeof error.code === 'string'
        ? fileProblem(error)
        : `it is not YAML: ${(error as Error).message}`;
    throw invalid(`cannot read the configuration ${file}: ${why}`);
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  throw invalid(`${file} has to hold fields, as \`coordinator: ${DEFAULT_COORDINATOR}\``);
}

/** @throws WireError `invalid` where the folder has not all that one way needs. */
export function securityIn(folder: string | null): ClientSecurity {
  if (folder === null) return { kind: 'plaintext' };
  const security = securityOf((name) => {
    return orElse(() => readFileSync(join(folder, name)), null);
  });
  if (security !== null) return security;
  throw invalid(`${folder} holds no credentials: it needs ca.crt, tls.crt and tls.key, or token`);
}
