import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { parse as parseYaml } from 'yaml';
import { type FailureError, failed } from '../core/errors.js';
import { fileProblem } from '../core/input/file-problem.js';
import { readRevocations } from '../proto/certificates/revocations.js';
import type { ServerSecurity, TokenGrant } from '../proto/security.js';
import { type ResolvedConfig, type TokenEntry, tokensSchema, wrong } from './config.js';

type Config = ResolvedConfig['security'];
type Tls = Exclude<ServerSecurity, { kind: 'plaintext' }>;

/** Security that follows its files. */
export interface WatchedSecurity {
  readonly security: ServerSecurity;
  close(): void;
}

/**
 * Reads the files that the configuration names, and reads them again when they change: certificates are
 * renewed, tokens made and revoked without a restart. What cannot be read later changes nothing, and is told
 * once.
 * @param renewSeconds how often they are looked at
 * @throws FailureError that says which file and why.
 */
export async function watchSecurity(
  config: Config,
  renewSeconds: number,
  tell: (sentence: string) => void,
): Promise<WatchedSecurity> {
  if (config.kind === 'plaintext') {
    return { security: { kind: 'plaintext' }, close: () => undefined };
  }
  let { texts, security } = await readAll(config);
  let trouble: string | null = null;
  const listeners = new Set<() => void>();
  const look = async (): Promise<void> => {
    try {
      if (readTexts(config).every((text, i) => text === texts[i])) return;
      ({ texts, security } = await readAll(config));
      trouble = null;
      for (const listener of listeners) listener();
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble) tell(`what was read before holds on: ${message}`);
      trouble = message;
    }
  };
  const looking = setInterval(() => void look(), renewSeconds * 1000);
  looking.unref();
  const currentValue = <Field extends keyof Tls>(field: Field): PropertyDescriptor => ({
    enumerable: true,
    get: () => security[field],
  });
  const onRenewed = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const fields = Object.keys(security) as (keyof Tls)[];
  const live = Object.defineProperties(
    { onRenewed },
    Object.fromEntries(fields.map((field) => [field, currentValue(field)])),
  );
  return { security: live as unknown as Tls, close: () => clearInterval(looking) };
}

type TlsConfig = Exclude<Config, { kind: 'plaintext' }>;

/** Everything in the files, to see whether it changed. */
function readTexts(config: TlsConfig): string[] {
  const { certificateFile, keyFile } = config;
  const more =
    config.kind === 'token'
      ? [secretFile(config.tokensFile, 'token list')]
      : [
          secretFile(config.caFile, 'CA'),
          config.revocationsFile === null ? '' : secretFile(config.revocationsFile, 'revocations'),
        ];
  return [secretFile(certificateFile, 'certificate'), secretFile(keyFile, 'key'), ...more];
}

async function readAll(config: TlsConfig): Promise<{ texts: string[]; security: Tls }> {
  const texts = readTexts(config);
  const [certificate = '', key = '', first = '', revocations = ''] = texts;
  const pair = { certificate: Buffer.from(certificate), key: Buffer.from(key) };
  // A pair that is half renewed is refused here, and not by every handshake.
  const { certificateFile, keyFile } = config;
  checked(`${certificateFile} and ${keyFile}`, () => createSecureContext({ cert: certificate, key }));
  if (config.kind === 'token') {
    const list = checked(config.tokensFile, () => parseYaml(first) as unknown);
    const tokens = tokensSchema.safeParse(list ?? []);
    if (!tokens.success) throw wrong(config.tokensFile, tokens.error);
    return { texts, security: { kind: 'token', ...pair, grants: tokens.data.map(grantOf) } };
  }
  checked(config.caFile, () => createSecureContext({ ca: first }));
  const revoked =
    config.revocationsFile === null
      ? new Set<string>()
      : await serialsOf(config.revocationsFile, revocations, first);
  const { grants } = config;
  return { texts, security: { kind: 'mutual-tls', ca: Buffer.from(first), ...pair, grants, revoked } };
}

async function serialsOf(path: string, list: string, ca: string): Promise<ReadonlySet<string>> {
  try {
    return await readRevocations(list, ca);
  } catch (error) {
    throw problem(`The list of revoked certificates ${path} cannot be used`, (error as Error).message);
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

function checked<T>(what: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw problem(`${what} cannot be used`, (error as Error).message);
  }
}

function secretFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw problem(`The ${what} file ${path} cannot be read`, fileProblem(error));
  }
}

function problem(what: string, why: string): FailureError {
  const hint = 'Check the path, what is in it, and who may read it.';
  return failed('internal', `${what}: ${why}.`, hint);
}
