import { type Command, Option } from 'commander';

export interface ConnectionOptions {
  readonly coordinator: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
}

/** Where a command finds its coordinator when nothing else is said. */
export const DEFAULT_COORDINATOR = '127.0.0.1:7117';

/** Adds the options of every command that talks to a coordinator. */
export function addConnectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-c, --coordinator <address>', 'host:port of the coordinator')
        .env('RIDGE_COORDINATOR')
        .default(DEFAULT_COORDINATOR),
    )
    .addOption(
      new Option('--tls-ca <file>', 'certificate authority of the other side (PEM)').env('RIDGE_TLS_CA'),
    )
    .addOption(new Option('--tls-cert <file>', 'own certificate (PEM), for mutual TLS').env('RIDGE_TLS_CERT'))
    .addOption(new Option('--tls-key <file>', 'own private key (PEM), for mutual TLS').env('RIDGE_TLS_KEY'))
    .addOption(
      new Option('--token-file <file>', 'file with the bearer token, for TLS without own certificate').env(
        'RIDGE_TOKEN_FILE',
      ),
    );
}
