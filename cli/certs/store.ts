import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

import { describe, makeRevocations, type Pair } from '../../proto/certificates/authority.js';
import { SCOPES } from '../../proto/security.js';
import { tryFile, usageError } from '../exit.js';

const issuedSchema = z.array(
  z.strictObject({
    name: z.string(),
    serial: z.string(),
    scopes: z.array(z.enum(SCOPES)).nullable(),
    namespaces: z.array(z.string()).nullable(),
    hosts: z.array(z.string()),
    notAfter: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
  }),
);
/** A certificate that the authority made. */
export type Issued = z.output<typeof issuedSchema>[number];

/** As long as the authority lives; a newer list is written at each revocation. */
const LIST_DAYS = 3650;

/** The folder of an authority. Each file is there whole or not at all, and keys are its owner's alone. */
export class CertificateStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** @throws CommandError (2) where one is there, or the folder cannot be written. */
  async begin(authority: Pair): Promise<void> {
    if (existsSync(this.path('ca.key'))) {
      throw usageError(
        `${this.#folder} has an authority already`,
        '`ridge certs coordinator` renews the coordinator’s certificate, `ridge certs node` and `ridge certs user` theirs; another --folder holds another authority.',
      );
    }
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    chmodSync(this.#folder, 0o700);
    this.putPair('ca', authority);
    await this.write([]);
  }

  /** @throws CommandError (2) where there is none. */
  authority(): Pair {
    return { certificate: this.#read('ca.crt'), key: this.#read('ca.key') };
  }

  issued(): Issued[] {
    const parsed = issuedSchema.safeParse(JSON.parse(this.#read('issued.json')));
    if (parsed.success) return parsed.data;
    throw usageError(`${this.path('issued.json')} is damaged`, 'Restore it: it says what can be revoked.');
  }

  /**
   * Keeps a pair that was made, and what it is for. The key first: a certificate without its key is of no use
   * to whoever reads both.
   */
  async add(
    name: string,
    pair: Pair,
    about: Omit<Issued, 'name' | 'serial' | 'notAfter' | 'revokedAt'>,
  ): Promise<Issued> {
    const { serial, notAfter } = await describe(pair.certificate);
    const entry = { ...about, name, serial, notAfter: notAfter.toISOString(), revokedAt: null };
    // What is not listed could not be revoked.
    await this.write([...this.issued(), entry]);
    this.putPair(name, pair);
    return entry;
  }

  putPair(name: string, { certificate, key }: Pair): void {
    this.#write(`${name}.key`, key, 0o600);
    this.#write(`${name}.crt`, certificate, 0o644);
  }

  /** Writes the list of what was made, and that of what was revoked. */
  async write(issued: readonly Issued[]): Promise<void> {
    const revoked = issued.flatMap(({ serial, revokedAt }) =>
      revokedAt === null ? [] : [{ serial, at: new Date(revokedAt) }],
    );
    this.#write('issued.json', `${JSON.stringify(issued, null, 1)}\n`, 0o600);
    this.#write('revoked.pem', await makeRevocations(this.authority(), revoked, LIST_DAYS), 0o644);
  }

  #read(name: string): string {
    return tryFile(
      `cannot read ${this.path(name)}`,
      () => readFileSync(this.path(name), 'utf8'),
      '`ridge certs init` makes an authority.',
    );
  }

  #write(name: string, text: string, mode: number): void {
    const path = this.path(name);
    const draft = `${path}.${process.pid}.draft`;
    tryFile(`cannot write ${path}`, () => {
      rmSync(draft, { force: true });
      writeFileSync(draft, text, { mode });
      renameSync(draft, path);
    });
  }
}
