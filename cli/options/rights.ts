import { InvalidArgumentError, Option } from 'commander';
import { NAMESPACES } from '../../core/sweep/namespace.js';
import { SCOPES, type Scope } from '../../proto/security.js';

/** What somebody may do, of certificates and tokens. */
export function scopesOption(): Option {
  return new Option('--scopes <list>', `what it is for: ${SCOPES.join(', ')} (comma-separated)`)
    .argParser(readScopes)
    .makeOptionMandatory();
}

/** @throws InvalidArgumentError for a word that is no scope. */
function readScopes(text: string): readonly Scope[] {
  const names = readNames(text);
  const isScope = (name: string): name is Scope => (SCOPES as readonly string[]).includes(name);
  const wrong = names.find((name) => !isScope(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is none of ${SCOPES.join(', ')}.`);
  return names.filter(isScope);
}

/** An option that takes names of nodes, each with a final `*` for any rest. */
export function namesOption(name: string, description: string): Option {
  return new Option(`--${name} <list>`, `${description}; a final * matches any rest`).argParser(readNames);
}

/** An option that takes namespaces, each with a final `*` for any rest. */
export function namespacesOption(description: string): Option {
  return new Option('--namespaces <list>', `${description}; a final * matches any rest`).argParser(
    readNamespaces,
  );
}

/** @throws InvalidArgumentError for a name that no namespace can have. */
function readNamespaces(text: string): readonly string[] {
  const names = readNames(text);
  const wrong = names.find((name) => !NAMESPACES.test(name));
  if (wrong === undefined) return names;
  throw new InvalidArgumentError(
    `"${wrong}" cannot be a namespace: use small letters, digits, dots and dashes, 63 at most.`,
  );
}

/** @throws InvalidArgumentError for a list without names, or with one that cannot be. */
function readNames(text: string): readonly string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const wrong = names.find((name) => !/^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,62}\*?|\*)$/.test(name));
  if (names.length === 0 || wrong !== undefined) {
    throw new InvalidArgumentError(
      'Write names of letters, digits, dots and dashes, with commas between them.',
    );
  }
  return names;
}

/** Of commands that submit. */
export function namespaceOption(): Option {
  return new Option(
    '--namespace <name>',
    'namespace of the sweep (default: that of your certificate or token, if it is for a single one, else `default`)',
  ).env('RIDGE_NAMESPACE');
}
