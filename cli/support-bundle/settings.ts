import { stringify } from 'yaml';
import { readYaml } from '../../core/input/yaml.js';
import { kindOf } from '../config/check.js';
import { SETTINGS_FILES } from '../config/kinds.js';
import type { SettingsWord } from '../config/words.js';
import { workError } from '../exit.js';
import { isSecretName, TAKEN_OUT } from './secrets.js';

/** A file of settings as it is, secrets included. */
export interface SettingsText {
  /** Its path, for messages and to tell whose settings it has. */
  readonly file: string;
  readonly text: string;
}

/** A file of settings as it may be shown. */
export interface ShownSettings {
  readonly kind: SettingsWord;
  readonly text: string;
  /** Where the file says that the coordinator notes who did what; null = it does not say. */
  readonly auditFile: string | null;
}

type Path = readonly PropertyKey[];

/** Maps whose every value may be a secret, whatever its name. */
const OPAQUE = /^(?:env|environment|headers)$/i;
/** A word of a command line after which a secret stands. */
const FLAG = /^-{1,2}[\w-]+$/;

/**
 * Reads a file of settings for somebody else's eyes: comments are left out, and values of fields that no
 * setting has, since a misspelt name says nothing of what it holds.
 * @throws CommandError (1) where it is no YAML with fields; nothing of it is shown then.
 */
export function shownSettings({ file, text }: SettingsText): ShownSettings {
  const yaml = readYaml(text);
  const data = yaml.readable ? (yaml.data ?? {}) : null;
  if (data === null || typeof data !== 'object' || Array.isArray(data))
    throw workError(`${file} is no file of settings; \`ridge config check\` says what is wrong with it`);
  const kind = kindOf(file, data);
  const unknown = new Set(unknownFields(kind, data).map(pathKey));
  const shown = shownValue(data, [], unknown);
  const { audit } = data as { readonly audit?: { readonly file?: unknown } | null };
  return {
    kind,
    text: stringify(shown, { aliasDuplicateObjects: false }),
    auditFile: kind === 'coordinator' && typeof audit?.file === 'string' ? audit.file : null,
  };
}

const pathKey = (path: Path) => JSON.stringify(path.map(String));

function unknownFields(kind: SettingsWord, data: object): Path[] {
  const read = SETTINGS_FILES[kind].schema.safeParse(data);
  if (read.success) return [];
  return read.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [],
  );
}

function shownValue(value: unknown, path: Path, unknown: ReadonlySet<string>): unknown {
  if (unknown.has(pathKey(path)) || path.slice(0, -1).some((part) => OPAQUE.test(String(part))))
    return TAKEN_OUT;
  if (Array.isArray(value))
    return value.map((item, i) => {
      const before: unknown = value[i - 1];
      const isNamed = typeof before === 'string' && FLAG.test(before) && isSecretName(before);
      return isNamed ? TAKEN_OUT : shownValue(item, [...path, i], unknown);
    });
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        isSecretName(name) ? TAKEN_OUT : shownValue(inner, [...path, name], unknown),
      ]),
    );
  return value;
}
