import { type Command, Option } from 'commander';
import type { Scope } from '../../proto/security.js';
import { lazy } from '../options/lazy.js';
import { namespacesOption, scopesOption } from '../options/rights.js';
import { collect, positiveInteger } from '../options/values.js';

export interface CertsOptions {
  readonly folder: string;
  readonly days: number;
}

export interface HostOptions extends CertsOptions {
  readonly host: readonly string[];
}

export interface UserOptions extends CertsOptions {
  readonly scopes: readonly Scope[];
  readonly namespaces?: readonly string[];
}

export interface CertsListOptions extends Pick<CertsOptions, 'folder'> {
  readonly json?: true;
}

const AUTHORITY_DAYS = 3650;
const DAYS = 365;

export function registerCerts(program: Command): void {
  const certs = program
    .command('certs')
    .description(
      'run an authority of your own for mutual TLS: certificates of coordinator, nodes and people, and the list of revoked ones',
    );
  const init = sub(certs, 'init', AUTHORITY_DAYS)
    .description(
      'make the authority, an empty list of revoked certificates, and the coordinator’s certificate',
    )
    .addOption(hostOption());
  init.action(lazy(async () => (await import('./certs.js')).init));
  sub(certs, 'coordinator', DAYS)
    .description('renew the coordinator’s certificate, which the coordinator reads without a restart')
    .addOption(hostOption())
    .action(lazy(async () => (await import('./certs.js')).renewCoordinator));
  sub(certs, 'node', DAYS)
    .description(
      'make or renew the certificate of a node: an agent that has it can be that node, and no other',
    )
    .argument('<name>', 'name of the node')
    .action(lazy(async () => (await import('./certs.js')).makeNode));
  sub(certs, 'user', DAYS)
    .description(
      'make or renew the certificate of a person or program, with the scopes that it can have at most',
    )
    .argument('<name>', 'who it is for; shown in logs')
    .addOption(scopesOption())
    .addOption(namespacesOption('namespaces in which it is valid (default: all)'))
    .action(lazy(async () => (await import('./certs.js')).makeUser));
  folder(certs.command('list'))
    .description('list the certificates: name, scopes, and until when they are valid')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./certs.js')).list));
  folder(certs.command('revoke'))
    .description('revoke certificates; a coordinator that reads the list cuts their holders off')
    .argument(
      '<name>',
      'name of the certificate, or its serial number; a name revokes all certificates that were made for it so far',
    )
    .action(async (name: string, options: Pick<CertsOptions, 'folder'>) => {
      const { revoke } = await import('./certs.js');
      await revoke(name, options);
    });
}

function sub(certs: Command, name: string, days: number): Command {
  return folder(certs.command(name)).option('--days <number>', 'how long it is valid', positiveInteger, days);
}

function folder(command: Command): Command {
  return command.option(
    '--folder <dir>',
    'folder of the authority; whoever can read it may do everything',
    'ridge-certs',
  );
}

function hostOption(): Option {
  const option = new Option(
    '--host <name>',
    'name or address at which the coordinator is reached (repeatable; default: this machine’s)',
  );
  return option.argParser(collect).default([]);
}
