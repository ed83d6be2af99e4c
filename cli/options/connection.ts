import { type Command, Option } from 'commander';
import { DEFAULT_COORDINATOR } from '../../proto/ports.js';

export interface ConnectionOptions extends CredentialOptions {
  readonly coordinator: string;
}

export interface CredentialOptions {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
}

/** Adds the options of every command that asks a coordinator something. */
export function addConnectionOptions(command: Command): Command {
  return addCredentialOptions(command.addOption(coordinatorOption().default(DEFAULT_COORDINATOR)));
}

/** Adds the same options to the agent, whose configuration file may say them, too: nothing has a default here. */
export function addAgentConnectionOptions(command: Command): Command {
  return addCredentialOptions(command.addOption(coordinatorOption()));
}

/** Adds the same options to a command that reads files, unless a coordinator is named: what the environment names is not meant then. */
export function addSourceOptions(command: Command, coordinator: string): Command {
  return addCredentialOptions(command.option('-c, --coordinator <address>', coordinator));
}

function coordinatorOption(): Option {
  return new Option(
    '-c, --coordinator <address>',
    'host:port of the coordinator; of several, all of them: A,B,C',
  ).env('RIDGE_COORDINATOR');
}

function addCredentialOptions(command: Command): Command {
  return command
    .addOption(new Option('--tls-ca <file>', 'certificate authority of the peer (PEM)').env('RIDGE_TLS_CA'))
    .addOption(
      new Option('--tls-cert <file>', 'client certificate (PEM), for mutual TLS').env('RIDGE_TLS_CERT'),
    )
    .addOption(
      new Option('--tls-key <file>', 'client private key (PEM), for mutual TLS').env('RIDGE_TLS_KEY'),
    )
    .addOption(
      new Option(
        '--token-file <file>',
        'file with the bearer token, for TLS without a client certificate',
      ).env('RIDGE_TOKEN_FILE'),
    );
}
