import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { issue, makeAuthority } from '../../proto/certificates/authority.js';
import type { ClientSecurity, Grant } from '../../proto/security.js';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface Pair {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** The token of somebody in a test. */
export const tokenOf = (name: string): string => `${name}-0123456789abcdef`;

/** How a client shows the token of that name. */
export function bearer(ca: Buffer | string, name: string): ClientSecurity {
  return { kind: 'token', ca: Buffer.from(ca), token: tokenOf(name), serverName: null };
}

/** How a client shows a certificate. */
export function mutual(ca: Buffer, { certificate, key }: Pick<Pair, 'certificate' | 'key'>): ClientSecurity {
  return { kind: 'mutual-tls', ca, certificate, key, serverName: null };
}

type ServerFiles = Pick<Pair, 'certificateFile' | 'keyFile'>;

/**
 * Security of a coordinator that lets in who has one of these tokens: the list of them is written beside its
 * key.
 */
export function byTokens({ certificateFile, keyFile }: ServerFiles, rights: Readonly<Record<string, Grant>>) {
  const tokensFile = join(dirname(keyFile), `tokens-${randomUUID()}.yaml`);
  const tokens = Object.entries(rights).map(([name, grant]) => ({ name, token: tokenOf(name), ...grant }));
  writeFileSync(tokensFile, JSON.stringify(tokens));
  return { kind: 'token' as const, certificateFile, keyFile, tokensFile };
}

/** Makes an authority, and a coordinator's certificate in a folder, without openssl. */
export async function serverFiles(folder: string): Promise<ServerFiles & { readonly ca: string }> {
  const authority = await makeAuthority('test', 1);
  const hosts = ['localhost', '127.0.0.1'];
  const made = await issue(
    authority,
    { commonName: 'coordinator', hosts, scopes: null, namespaces: null },
    1,
  );
  const [certificateFile, keyFile] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  writeFileSync(certificateFile, made.certificate);
  writeFileSync(keyFile, made.key);
  return { ca: authority.certificate, certificateFile, keyFile };
}

/** Makes an authority and certificates in a folder, new for each run: no key is ever committed. */
export class Authority {
  readonly caFile: string;
  readonly ca: Buffer;
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name = 'ca') {
    this.#folder = folder;
    this.#name = name;
    this.caFile = this.#path(`${name}.crt`);
    openssl(
      'req',
      '-x509',
      ...newKey(this.#path(`${name}.key`)),
      '-out',
      this.caFile,
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
    );
    this.ca = readFileSync(this.caFile);
  }

  /**
   * @returns a certificate for `commonName`; servers get localhost and 127.0.0.1 as alternative names, and
   *   those given.
   */
  issue(commonName: string, names: readonly string[] = []): Pair {
    const [keyFile, request, certificateFile, extensions] = ['key', 'csr', 'crt', 'ext'].map((ending) =>
      this.#path(`${this.#name}-${commonName}.${ending}`),
    ) as [string, string, string, string];
    openssl('req', ...newKey(keyFile), '-out', request, '-subj', `/CN=${commonName}`);
    const alternative = ['DNS:localhost', 'IP:127.0.0.1', ...names.map((name) => `DNS:${name}`)];
    writeFileSync(extensions, `subjectAltName=${alternative.join(',')}\n`);
    openssl(
      ...['x509', '-req', '-in', request, '-out', certificateFile, '-days', '1', '-extfile', extensions],
      ...['-CA', this.caFile, '-CAkey', this.#path(`${this.#name}.key`), '-CAcreateserial'],
    );
    return {
      certificateFile,
      keyFile,
      certificate: readFileSync(certificateFile),
      key: readFileSync(keyFile),
    };
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
