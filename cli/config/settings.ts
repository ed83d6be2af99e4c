import { settingsJsonSchema } from './kinds.js';
import type { SettingsWord } from './words.js';

/** One line of docs/settings.md. */
export interface Setting {
  /** `log.path`, `servers.NAME.command`, `security.grants[].scopes`. */
  readonly path: string;
  readonly type: string;
  /** As it would be written; null = it has none. */
  readonly fallback: string | null;
  /** By its name, which carries it; empty = it is no quantity. */
  readonly unit: string;
  readonly meaning: string;
}

interface Node {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
}

/** Endings of names, the longest first. */
const UNITS: readonly (readonly [string, string])[] = [
  ['gramsPerKilowattHour', 'g/kWh'],
  ['bytesPerSecond', 'bytes/s'],
  ['callsPerSecond', 'calls/s'],
  ['deviceHours', 'h'],
  ['seconds', 's'],
  ['bytes', 'bytes'],
];

/** @returns every setting of such a file, in the order of its schema. */
export function settingsOf(kind: SettingsWord): Setting[] {
  const { properties = {} } = settingsJsonSchema(kind) as Node;
  return withoutRepeats(Object.entries(properties).flatMap(([name, node]) => settingsAt(name, node)));
}

function settingsAt(path: string, node: Node): Setting[] {
  const name = path.split('.').at(-1) ?? path;
  const unit = UNITS.find(([ending]) => name.toLowerCase().endsWith(ending.toLowerCase()))?.[1] ?? '';
  const own: Setting = {
    path,
    type: typeOf(node),
    fallback: node.default === undefined ? null : JSON.stringify(node.default),
    unit,
    meaning: node.description ?? (name === 'kind' ? 'Says which of the settings beside it there are.' : ''),
  };
  // What may be changed of a server's profile is that profile's form: docs/servers.md.
  return name === 'change' ? [own] : [own, ...settingsBelow(path, node)];
}

function settingsBelow(path: string, node: Node): Setting[] {
  const named = Object.entries(node.properties ?? {}).flatMap(([name, one]) =>
    settingsAt(`${path}.${name}`, one),
  );
  const open = node.additionalProperties;
  return [
    ...named,
    ...(typeof open === 'object' ? settingsBelow(`${path}.NAME`, open) : []),
    ...(node.items === undefined ? [] : settingsBelow(`${path}[]`, node.items)),
    ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((one) => settingsBelow(path, one)),
  ];
}

function typeOf(node: Node): string {
  const parts = node.anyOf ?? node.oneOf;
  if (parts !== undefined) return [...new Set(parts.map(typeOf))].join(' or ');
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((word) => `\`${String(word)}\``).join(' or ');
  if (node.items !== undefined) return `list of ${typeOf(node.items)}`;
  if (node.type === 'object')
    return typeof node.additionalProperties === 'object' ? 'fields by name' : 'fields';
  return [node.type ?? 'any'].flat().join(' or ');
}

/** A setting of several kinds of a thing stands once: its types and meanings joined. */
function withoutRepeats(settings: readonly Setting[]): Setting[] {
  const joined = new Map<string, Setting>();
  for (const one of settings) {
    const before = joined.get(one.path);
    if (before === undefined) joined.set(one.path, one);
    else {
      const joinTexts = (a: string, b: string, between: string) =>
        a === '' || b === '' || a.includes(b) ? a || b : `${a}${between}${b}`;
      joined.set(one.path, {
        ...before,
        type: joinTexts(before.type, one.type, ' or '),
        fallback: before.fallback ?? one.fallback,
        meaning: joinTexts(before.meaning, one.meaning, ' / '),
      });
    }
  }
  return [...joined.values()];
}
