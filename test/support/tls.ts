import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface Pair {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificate: Buffer;
  readonly key: Buffer;
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

  /** @returns a certificate for `commonName`; servers get localhost and 127.0.0.1 as alternative names, and those given. */
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
