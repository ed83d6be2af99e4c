import { orElse } from '../or-else.js';
/**
 * What a technique is set to is one word of a sweep, `head` or `head?key=value&key=value`, so that it is one
 * value of an axis: it can be listed, excluded, hashed and shown in a table. Every word has one canonical
 * spelling: settings in the order of their names, none that only repeats its default.
 */

/** One setting of a word. */
export interface Setting<T> {
  readonly help: string;
  readonly fallback: T;
  /** What it has to be, after "must be". */
  readonly form: string;
  /** @returns undefined when the text is no value of this setting. */
  read(text: string): T | undefined;
  write(value: T): string;
}

// biome-ignore lint/suspicious/noExplicitAny: each setting has a type of its own
export type Settings = Readonly<Record<string, Setting<any>>>;
export type SettingValues<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly suggestion: string | null };

/** Characters with a meaning in words: `?` and `&` part settings, `%` escapes, `+` joins sources. */
const RESERVED = /[%?&+#\s]/g;
const escaped = (text: string) => text.replace(RESERVED, (c) => encodeURIComponent(c));

/** A `%` that escapes nothing stands for itself, so that `ratios=ffn_down:40%` is what it looks like. */
function unescaped(text: string): string | undefined {
  return orElse(() => text.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent), undefined);
}

/** @returns the head of a word, as it was written. */
export function headOf(spelling: string): string {
  return spelling.split('?', 1)[0] ?? '';
}

/** @returns the settings of a word, defaults filled in. */
export function readSettings<S extends Settings>(spelling: string, settings: S): Reading<SettingValues<S>> {
  const query = spelling.slice(headOf(spelling).length + 1);
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings)) values[key] = setting.fallback;
  const seen = new Set<string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const [key = '', written = ''] = pair.split(/=(.*)/s);
    const setting = Object.hasOwn(settings, key) ? settings[key] : undefined;
    if (setting === undefined) {
      const known = Object.keys(settings);
      const message = `${JSON.stringify(spelling)} has no setting ${JSON.stringify(key)}${known.length > 0 ? `; it can have ${known.join(', ')}` : ''}`;
      return { ok: false, message, suggestion: null };
    }
    if (seen.has(key)) return rejected(`${JSON.stringify(spelling)} gives ${key} twice`);
    seen.add(key);
    const text = unescaped(written);
    const value = text === undefined ? undefined : setting.read(text);
    if (value === undefined) return rejected(`${key} of ${JSON.stringify(spelling)} must be ${setting.form}`);
    values[key] = value;
  }
  return { ok: true, value: values as SettingValues<S> };
}

/** @returns the canonical word. */
export function writeWord<S extends Settings>(head: string, values: SettingValues<S>, settings: S): string {
  const pairs = Object.entries(settings)
    .map(([key, setting]) => [key, setting.write(values[key]), setting.write(setting.fallback)] as const)
    .filter(([, text, fallback]) => text !== fallback)
    .map(([key, text]) => `${key}=${escaped(text)}`)
    .sort();
  return pairs.length === 0 ? head : `${head}?${pairs.join('&')}`;
}

/** @returns a word from keys and values as a file has them, not yet read: unknown keys stay. */
export function joinWord(head: string, pairs: readonly (readonly [string, unknown])[]): string {
  const settings = pairs.map(([key, value]) => `${key}=${escaped(String(value))}`);
  return settings.length === 0 ? head : `${head}?${settings.join('&')}`;
}

export function rejected(message: string, suggestion: string | null = null): { ok: false } & Reading<never> {
  return { ok: false, message, suggestion };
}

/** A whole number in a range. */
export function integer(least: number, most: number, fallback: number, help: string): Setting<number> {
  return {
    help,
    fallback,
    form: `a whole number from ${least} to ${most}`,
    read: (text) => numberWithin(/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN, least, most),
    write: String,
  };
}

/** A number in a range. */
export function real(least: number, most: number, fallback: number, help: string): Setting<number> {
  return {
    help,
    fallback,
    form: `a number from ${least} to ${most}`,
    read: (text) =>
      numberWithin(/^-?(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN, least, most),
    write: String,
  };
}

const numberWithin = (value: number, least: number, most: number) =>
  value >= least && value <= most ? value : undefined;

/** One of a few words. */
export function choice<T extends string>(choices: readonly T[], fallback: T, help: string): Setting<T> {
  return {
    help,
    fallback,
    form: choices.join(' or '),
    read: (text) => choices.find((one) => one === text),
    write: (value) => value,
  };
}

export function flag(fallback: boolean, help: string): Setting<boolean> {
  return {
    help,
    fallback,
    form: 'true or false',
    read: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
    write: String,
  };
}

/** A text that may be left out. */
export function optionalText(form: string, pattern: RegExp, help: string): Setting<string | null> {
  return {
    help,
    fallback: null,
    form,
    read: (text) => (pattern.test(text) ? text : undefined),
    write: (value) => value ?? '',
  };
}

/** @returns the help of every setting by its name. */
export function helpOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, { help }]) => [key, help]));
}
