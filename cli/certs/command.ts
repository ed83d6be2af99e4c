import { type Command, Option } from 'commander';
import type { Scope } from '../../proto/security.js';
import { lazy } from '../options/lazy.js';
import { namesOption, scopesOption } from '../options/rights.js';
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
      'an authority of your own for mutual TLS: certificates of coordinator, nodes and people, and the list of those revoked',
    );
  const init = sub(certs, 'init', AUTHORITY_DAYS)
    .description(
      'make the authority, an empty list of revoked certificates, and the coordinator’s certificate',
    )
    .addOption(hostOption());
  init.action(lazy(async () => (await import('./certs.js')).init));
  sub(certs, 'coordinator', DAYS)
    .description('make the coordinator’s certificate again; it takes it without a restart')
    .addOption(hostOption())
    .action(lazy(async () => (await import('./certs.js')).renewCoordinator));
  sub(certs, 'node', DAYS)
    .description('make or renew the certificate of a node: its agent may be that node, and no other')
    .argument('<name>', 'name of the node')
    .action(lazy(async () => (await import('./certs.js')).makeNode));
  sub(certs, 'user', DAYS)
    .description('make or renew the certificate of somebody, with what they may do at most')
    .argument('<name>', 'who it is for; shown in logs')
    .addOption(scopesOption())
    .addOption(namesOption('namespaces', 'namespaces that it is for (default: all)'))
    .action(lazy(async () => (await import('./certs.js')).makeUser));
  folder(certs.command('list'))
    .description('list what was made: for whom, for what, until when')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./certs.js')).list));
  folder(certs.command('revoke'))
    .description('revoke certificates; a coordinator that reads the list cuts their holders off')
    .argument('<name>', 'of a certificate, or its serial number: of a name all that were made so far')
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
    'folder of the authority; whoever reads it may do everything',
    'ridge-certs',
  );
}

function hostOption(): Option {
  const option = new Option(
    '--host <name>',
    'name or address that the coordinator is reached under (repeatable; default: this machine’s)',
  );
  return option.argParser(collect).default([]);
}
