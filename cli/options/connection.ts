import { type Command, Option } from 'commander';
import { OUTAGE_SECONDS } from '../../proto/outage.js';
import { DEFAULT_COORDINATOR } from '../../proto/ports.js';

export interface ConnectionOptions extends CredentialOptions {
  readonly coordinator: string;
  /** False = a coordinator that cannot answer now is not waited for; left out = it is. */
  readonly wait?: boolean;
}

export interface CredentialOptions {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
}

/** Adds the options of every command that asks a coordinator something. */
export function addConnectionOptions(command: Command): Command {
  return addCredentialOptions(
    addWaitOption(command.addOption(coordinatorOption().default(DEFAULT_COORDINATOR))),
  );
}

/** Adds the same options to a command that never waits: it says of a coordinator what it does now. */
export function addPromptConnectionOptions(command: Command): Command {
  return addCredentialOptions(command.addOption(coordinatorOption().default(DEFAULT_COORDINATOR)));
}

/**
 * Adds the same options to the agent, whose configuration file may say them, too: nothing has a default here.
 */
export function addAgentConnectionOptions(command: Command): Command {
  return addCredentialOptions(command.addOption(coordinatorOption()));
}

/**
 * Adds the same options to a command that reads files, unless a coordinator is named: what the environment
 * names is not meant then.
 */
export function addSourceOptions(command: Command, coordinator: string): Command {
  return addCredentialOptions(addWaitOption(command.option('-c, --coordinator <address>', coordinator)));
}

function addWaitOption(command: Command): Command {
  return command.option(
    '--no-wait',
    `end at once if the coordinator cannot answer now, for example while its log is not available (default: wait for it, at most ${OUTAGE_SECONDS} s)`,
  );
}

function coordinatorOption(): Option {
  return new Option(
    '-c, --coordinator <address>',
    'host:port of the coordinator; if there are several, all of them: A,B,C',
  ).env('RIDGE_COORDINATOR');
}

const CREDENTIALS = [
  ['tls-ca', 'certificate authority of the peer (PEM)', 'RIDGE_TLS_CA'],
  ['tls-cert', 'client certificate (PEM), for mutual TLS', 'RIDGE_TLS_CERT'],
  ['tls-key', 'client private key (PEM), for mutual TLS', 'RIDGE_TLS_KEY'],
  ['token-file', 'file with the bearer token, for TLS without a client certificate', 'RIDGE_TOKEN_FILE'],
] as const;

function addCredentialOptions(command: Command): Command {
  for (const [name, what, variable] of CREDENTIALS)
    command.addOption(new Option(`--${name} <file>`, what).env(variable));
  return command;
}
