import { createHash } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { parse as parseYaml } from 'yaml';
import { readRevocations } from '../proto/certificates/revocations.js';
import type { Tls, TokenGrant } from '../proto/security.js';
import {
  fileFailure,
  followFiles,
  pairOf,
  readPair,
  secretFile,
  usable,
  type WatchedSecurity,
} from '../proto/server-files.js';
import { type ResolvedConfig, type TokenEntry, tokensSchema, wrong } from './config.js';

type Config = ResolvedConfig['security'];

/**
 * Follows the files that the configuration names.
 * @param renewSeconds how often they are looked at
 * @throws FailureError that says which file and why.
 */
export async function watchSecurity(
  config: Config,
  renewSeconds: number,
  tell: (sentence: string) => void,
): Promise<WatchedSecurity> {
  if (config.kind === 'plaintext') return { security: { kind: 'plaintext' }, close: () => undefined };
  return await followFiles(
    () => readTexts(config),
    (texts) => securityFrom(config, texts),
    renewSeconds,
    tell,
  );
}

type TlsConfig = Exclude<Config, { kind: 'plaintext' }>;

/** Everything in the files, to see whether it changed. */
function readTexts(config: TlsConfig): string[] {
  const more =
    config.kind === 'token'
      ? [secretFile(config.tokensFile, 'token list')]
      : [
          secretFile(config.caFile, 'CA'),
          config.revocationsFile === null ? '' : secretFile(config.revocationsFile, 'revocations'),
        ];
  return [...readPair(config), ...more];
}

async function securityFrom(config: TlsConfig, texts: readonly string[]): Promise<Tls> {
  const [certificate = '', key = '', first = '', revocations = ''] = texts;
  const pair = pairOf(config, certificate, key);
  if (config.kind === 'token') {
    const list = usable(config.tokensFile, () => parseYaml(first) as unknown);
    const tokens = tokensSchema.safeParse(list ?? []);
    if (!tokens.success) throw wrong(config.tokensFile, tokens.error);
    return { kind: 'token', ...pair, grants: tokens.data.map(grantOf) };
  }
  usable(config.caFile, () => createSecureContext({ ca: first }));
  const revoked =
    config.revocationsFile === null
      ? new Set<string>()
      : await serialsOf(config.revocationsFile, revocations, first);
  const { grants } = config;
  return { kind: 'mutual-tls', ca: Buffer.from(first), ...pair, grants, revoked };
}

async function serialsOf(path: string, list: string, ca: string): Promise<ReadonlySet<string>> {
  try {
    return await readRevocations(list, ca);
  } catch (error) {
    throw fileFailure(`The list of revoked certificates ${path} cannot be used`, (error as Error).message);
  }
}

function grantOf({ name, token, sha256, expiresAt, revokedAt, ...grant }: TokenEntry): TokenGrant {
  return {
    ...grant,
    name,
    sha256:
      token === undefined ? Buffer.from(sha256 ?? '', 'hex') : createHash('sha256').update(token).digest(),
    expiresAt: expiresAt === undefined ? null : Date.parse(expiresAt),
    revoked: revokedAt !== undefined,
  };
}
