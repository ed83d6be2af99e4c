import type { Command } from 'commander';
import type { Scope } from '../../proto/security.js';
import { lazy } from '../options/lazy.js';
import { namesOption, namespacesOption, scopesOption } from '../options/rights.js';
import { positiveInteger } from '../options/values.js';

export interface TokenOptions {
  readonly file: string;
}

export interface TokenCreateOptions extends TokenOptions {
  readonly scopes: readonly Scope[];
  readonly nodes?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly days?: number;
}

export interface TokenListOptions extends TokenOptions {
  readonly json?: true;
}

export function registerToken(program: Command): void {
  const token = program
    .command('token')
    .description(
      'manage tokens for TLS without client certificates, in the list that the coordinator reads; it has only their hashes',
    );
  file(token.command('create'))
    .description('make a token, add its hash to the list, and print the token, which is shown only once')
    .argument('<name>', 'who it is for; shown in logs')
    .addOption(scopesOption())
    .addOption(
      namesOption(
        'nodes',
        'names of nodes that an agent with this token may have (default: the token’s name)',
      ),
    )
    .addOption(namespacesOption('namespaces in which it is valid (default: all)'))
    .option('--days <number>', 'how long it is valid (default: until it is revoked)', positiveInteger)
    .action(lazy(async () => (await import('./token.js')).create));
  file(token.command('list'))
    .description('list the tokens: name, scopes, and until when they are valid')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./token.js')).list));
  file(token.command('revoke'))
    .description('revoke a token; the coordinator cuts off whoever has it, without a restart')
    .argument('<name>', 'who it was for')
    .action(lazy(async () => (await import('./token.js')).revoke));
}

function file(command: Command): Command {
  return command.option(
    '--file <file>',
    'list of tokens: `tokensFile` of the coordinator',
    'ridge-tokens.yaml',
  );
}
