import { existsSync, readFileSync } from 'node:fs';
import { deviceKind } from '../../core/experiment/experiment.js';
import { isRemote } from '../../core/models/remote.js';
import { orElse } from '../../core/or-else.js';
import { ANY_SERVER, type ServerKindName } from '../../core/runners/server/index.js';
import { nameFromSource } from '../../core/sweep/resolve.js';
import { attachedWithoutModel, lookAtServer, type ServerHere } from '../../engines/door.js';
import { tryFile, usageError, workError } from '../exit.js';
import type { NodeOptions } from '../options/config.js';

/** What was typed of a server. */
export interface ServerAsked {
  readonly url: string;
  /** What requests call the model, or where its file is; empty = the server's one. */
  readonly model: readonly string[];
  readonly tokenizer?: string;
  readonly apiKeyFile?: string;
  /** Device classes; empty = a CPU. */
  readonly device: readonly string[];
}

/** A running server as the entry of a configuration, and what to ask of it. */
export interface AttachedServer {
  readonly servers: NonNullable<NodeOptions['servers']>;
  /** The runner of sweeps. */
  readonly runner: ServerKindName;
  readonly model: Readonly<Record<'name' | 'source', string>>;
  /** What was found, in a sentence without its end. */
  readonly found: string;
}

/**
 * In configurations and records; it is no part of an experiment, so that runs against two servers are
 * compared row by row.
 */
const entryName = (kind: ServerKindName) => `attached-${kind}`;

/**
 * Finds out what runs at an address.
 * @throws CommandError 1 where no server is ready, 2 for what was typed wrong.
 */
export async function attachTo(asked: ServerAsked): Promise<AttachedServer> {
  const { apiKeyFile } = asked;
  const url = originOf(asked.url);
  const server = await serverAt(url, apiKeyFile);
  const { name, typed } = modelOf(asked, url, server);
  const source = asked.tokenizer ?? typed ?? server.modelPath;
  const { kind, profile } = server;
  const onDevice = (asked.device.length === 0 ? ['cpu'] : asked.device).every((device) =>
    profile.devices.some((one) => one === deviceKind(device)),
  );
  // A runner that opens models finds tokenizer, parameters and work in the file; without it the API alone is
  // asked.
  const opens = source !== null && onDevice && profile.formats.length > 0;
  const profiled = opens || profile.formats.length === 0 ? { profile: kind } : attachedWithoutModel(profile);
  const entry = { ...profiled, attach: url, model: name, ...(apiKeyFile !== undefined && { apiKeyFile }) };
  return {
    servers: { [entryName(kind)]: entry },
    runner: profiled.profile,
    model: { name: nameFromSource(name), source: opens ? source : name },
    found: [
      `attached to ${engineText(server)} at ${url}`,
      `model ${name}`,
      opens ? `tokenizer from ${source}` : noTokenizer(server, source),
    ].join(', '),
  };
}

/** @throws CommandError (2) unless it is the address of a server. */
function originOf(typed: string): string {
  const example = 'Give it as http://HOST:PORT, as its own log says it.';
  const address = orElse(() => new URL(typed.includes('://') ? typed : `http://${typed}`), null);
  if (address === null || !/^https?:$/.test(address.protocol))
    throw usageError(`--url ${typed} is no address of a server`, example);
  if (address.username !== '' || address.password !== '')
    throw usageError(
      '--url has a name or a password in it',
      'Put the key into a file and name it with --api-key-file.',
    );
  if (!/^\/(v1\/?)?$/.test(address.pathname) || address.search !== '')
    throw usageError(
      `--url ${typed} has the path ${address.pathname}: servers are asked at /v1 of their address`,
      `${example} One behind another path is an entry of the configuration with \`change: { paths: … }\` (docs/servers.md).`,
    );
  return address.origin;
}

async function serverAt(url: string, apiKeyFile: string | undefined): Promise<ServerHere> {
  const key = apiKeyFile === undefined ? null : keyIn(apiKeyFile);
  const found = await lookAtServer(url, key);
  if (!('why' in found)) return found;
  switch (found.why) {
    case 'silent':
      throw workError(
        `no server answers at ${url}: ${found.reason}`,
        'Start it, or wait until it has loaded its model; its own log says at which address it listens.',
      );
    case 'loading':
      throw workError(
        `the server at ${url} is not ready: ${found.reason}`,
        'Wait until it has loaded its model, and type the same again.',
      );
    case 'locked':
      throw usageError(
        `the server at ${url} ${key === null ? 'asks for a key' : `does not take the key in ${apiKeyFile}`}: ${found.reason}`,
        'Name the file that holds its key with --api-key-file.',
      );
    case 'other':
      throw usageError(
        `what answers at ${url} is no server with OpenAI’s API: ${found.reason}`,
        'Is it the port of the server itself? vLLM listens at 8000, llama-server at 8080, SGLang at 30000 unless told otherwise.',
      );
  }
}

/** A gateway may have hundreds. */
const MOST_NAMED = 10;

const keyIn = (path: string) =>
  tryFile(`the key cannot be read from ${path}`, () => readFileSync(path, 'utf8').trim());

/** @returns what requests call the model, and the file of it where one was typed. @throws CommandError (2) */
function modelOf({ model, tokenizer }: ServerAsked, url: string, { models, names }: ServerHere) {
  const [typed = null, ...more] = model;
  const further = models.length > MOST_NAMED ? `, and ${models.length - MOST_NAMED} more` : '';
  const served = `the server at ${url} serves ${models.slice(0, MOST_NAMED).join(', ')}${further}`;
  if (more.length > 0)
    throw usageError(
      `--model names ${model.length} models, and a server is asked for one`,
      `${capital(served)}.`,
    );
  if (typed !== null && names.includes(typed)) return { name: typed, typed: null };
  const [only] = models;
  if (typed !== null && tokenizer === undefined && isFile(typed) && models.length === 1)
    return { name: only!, typed };
  if (typed !== null)
    throw usageError(
      `${served}, and not ${typed}`,
      'Name one of them with --model; --tokenizer names its file or folder on this machine.',
    );
  if (models.length > 1) throw usageError(served, 'Choose one with --model NAME.');
  return { name: only!, typed: null };
}

const isFile = (source: string) =>
  existsSync(source) || /^(builtin|synthetic):/.test(source) || isRemote(source);
const capital = (sentence: string) => `${sentence[0]!.toUpperCase()}${sentence.slice(1)}`;

function engineText({ kind, release }: ServerHere): string {
  if (kind === ANY_SERVER) return 'a server of an unknown engine, asked by OpenAI’s API alone,';
  return release === null ? kind : `${kind} ${release}`;
}

/** Why words stand for tokens. */
function noTokenizer({ profile, modelSource }: ServerHere, source: string | null): string {
  const words = 'so words stand for tokens in prompts, and the server counts them';
  if (profile.formats.length === 0) return `no tokenizer is read for it, ${words}`;
  if (source !== null) return `its runner is not of this device (--device), ${words}`;
  const where = modelSource === null ? 'its file is not known' : `${modelSource} is not on this machine`;
  return `no tokenizer (${where}; --tokenizer names it), ${words}`;
}
