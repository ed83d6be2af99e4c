import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Document, isSeq, parseDocument } from 'yaml';
import { type TokenEntry, tokensSchema } from '../../coordinator/config.js';

import { tryFile, usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import type { TokenCreateOptions, TokenListOptions, TokenOptions } from './command.js';

const DAY = 86_400_000;
/** Scanners of leaked secrets know a token by its beginning. */
const PREFIX = 'ridge_';
const TOKEN_BYTES = 32;

/** `ridge token create`: what is random needs no slow hash. */
export function create(name: string, { file, scopes, nodes, namespaces, days }: TokenCreateOptions): void {
  const { document, entries } = readList(file);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
    throw usageError(`a token cannot be for ${name}`, 'Use letters, digits, dots and dashes, 63 at most.');
  }
  if (entries.some((entry) => entry.name === name && stateOf(entry) === 'valid')) {
    throw usageError(`${name} has a token in ${file} already`, `\`ridge token revoke ${name}\` ends it.`);
  }
  const token = `${PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  const now = Date.now();
  const entry: TokenEntry = {
    name,
    sha256: createHash('sha256').update(token).digest('hex'),
    scopes: [...scopes],
    ...(nodes !== undefined && { nodes: [...nodes] }),
    ...(namespaces !== undefined && { namespaces: [...namespaces] }),
    createdAt: new Date(now).toISOString(),
    ...(days !== undefined && { expiresAt: new Date(now + days * DAY).toISOString() }),
  };
  document.addIn([], document.createNode(entry));
  writeList(file, document);
  say(`${file} has its hash; keep the token in a file that only its holder reads, for --token-file:`);
  printData(token);
}

/** `ridge token list` */
export function list({ file, json }: TokenListOptions): void {
  const { entries } = readList(file);
  const rows = entries.map(({ token, sha256: _, ...entry }) => ({
    ...entry,
    state: stateOf(entry),
    plain: token !== undefined,
  }));
  if (json === true) {
    printJson(rows);
    return;
  }
  printTable(
    ['name', 'scopes', 'nodes', 'namespaces', 'until', 'state'],
    rows.map(({ name, scopes, nodes, namespaces, expiresAt, state, plain }) => [
      name,
      scopes.join(','),
      nodes?.join(',') ?? null,
      namespaces?.join(',') ?? null,
      expiresAt?.slice(0, 10) ?? null,
      plain ? `${state}, in plain text` : state,
    ]),
  );
}

/** `ridge token revoke`: the entry stays, so that who shows it is told that it was revoked. */
export function revoke(name: string, { file }: TokenOptions): void {
  const { document, entries } = readList(file);
  const named = entries.flatMap((entry, index) => (entry.name === name ? [{ entry, index }] : []));
  if (named.length === 0) {
    const names = [...new Set(entries.map((entry) => entry.name))].join(', ');
    throw usageError(`there is no token of ${name} in ${file}`, `There are those of: ${names || 'nobody'}.`);
  }
  const those = named.filter(({ entry }) => entry.revokedAt === undefined);
  for (const { index } of those) document.setIn([index, 'revokedAt'], new Date().toISOString());
  if (those.length > 0) writeList(file, document);
  say(those.length > 0 ? `the token of ${name} is revoked` : `the token of ${name} was revoked before`);
}

function stateOf({ revokedAt, expiresAt }: Pick<TokenEntry, 'revokedAt' | 'expiresAt'>): string {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'valid';
}

/**
 * The document too, so that comments of people stay.
 * @throws CommandError (2) for a list that the coordinator would refuse.
 */
function readList(file: string): { document: Document; entries: readonly TokenEntry[] } {
  let text = '';
  tryFile(`cannot read ${file}`, () => {
    if (existsSync(file)) text = readFileSync(file, 'utf8');
  });
  const document = parseDocument(text.trim() === '' ? '[]' : text);
  if (isSeq(document.contents)) document.contents.flow = false;
  const parsed = tokensSchema.safeParse(document.errors.length === 0 ? document.toJS() : null);
  if (parsed.success) return { document, entries: parsed.data };
  const [issue] = parsed.error.issues;
  throw usageError(
    `${file} is no list of tokens: ${issue?.path.join('.') || 'as a whole'}: ${issue?.message}`,
  );
}

function writeList(file: string, document: Document): void {
  const draft = `${file}.${process.pid}.draft`;
  tryFile(`cannot write ${file}`, () => {
    writeFileSync(draft, document.toString(), { mode: 0o600 });
    renameSync(draft, file);
  });
}
