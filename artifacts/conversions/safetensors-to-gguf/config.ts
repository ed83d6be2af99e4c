import { FormatError } from '../../../formats/format.js';

export type Values = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Counts and sizes are u32 in GGUF files. */
const MOST = 2 ** 32 - 1;

/** Numbers and words of a config.json, with what transformers takes where it says nothing. */
export class FolderConfig {
  readonly #values: Values;

  /** @param values as parsed; of a model with an encoder of images what it says of the text model counts. */
  constructor(values: Values) {
    const { text_config: text } = values;
    this.#values = isRecord(text) ? { ...values, ...text, architectures: values.architectures } : values;
  }

  /** @returns the config with values for what is left out, or null. */
  withDefaults(defaults: Values): FolderConfig {
    const given = Object.entries(this.#values).filter(([, value]) => value !== null && value !== undefined);
    return new FolderConfig({ ...defaults, ...Object.fromEntries(given), text_config: null });
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  /** @returns a whole number that is not negative. @throws FormatError for anything else, also nothing. */
  count(name: string): number {
    const value = this.#values[name];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST) return value;
    throw this.#wrong(name, 'a whole number');
  }

  /** @returns a whole number above 0. */
  size(name: string): number {
    const value = this.count(name);
    if (value === 0) throw this.#wrong(name, 'a whole number above 0');
    return value;
  }

  number(name: string): number {
    const value = this.#values[name];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.#wrong(name, 'a number');
  }

  /** @returns null where nothing is said. */
  text(name: string): string | null {
    const value = this.#values[name];
    return typeof value === 'string' ? value : null;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  texts(name: string): readonly string[] | null {
    const value = this.#values[name];
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : null;
  }

  /** @returns numbers of a list; null where nothing is said. */
  list(name: string): readonly number[] | null {
    if (!this.has(name)) return null;
    const value = this.#values[name];
    if (Array.isArray(value) && value.every((one) => typeof one === 'number' && Number.isFinite(one)))
      return value;
    throw this.#wrong(name, 'a list of numbers');
  }

  /** @returns what stands under a name, as a config of its own; null where nothing does. */
  nested(name: string): FolderConfig | null {
    const value = this.#values[name];
    return isRecord(value) ? new FolderConfig(value) : null;
  }

  /** @returns the first of what stands under any name; null where nothing does. */
  first(): FolderConfig | null {
    const value = Object.values(this.#values).find(isRecord);
    return value === undefined ? null : new FolderConfig(value);
  }

  #wrong(name: string, wanted: string): FormatError {
    const said = JSON.stringify(this.#values[name]);
    const found = said === undefined ? 'is missing' : `is ${said.slice(0, 40)}`;
    return new FormatError(`${name} of its config ${found}, and should be ${wanted}`);
  }
}

/** Elements of a head. */
export function headLength(config: FolderConfig): number {
  if (config.has('head_dim')) return config.size('head_dim');
  const length = config.size('hidden_size') / config.size('num_attention_heads');
  if (Number.isInteger(length)) return length;
  throw new FormatError(
    `num_attention_heads of its config (${config.size('num_attention_heads')}) does not divide hidden_size (${config.size('hidden_size')})`,
  );
}

/** Heads of keys and values: as many as of queries where nothing is said. */
export function keyValueHeads(config: FolderConfig): number {
  return config.size(config.has('num_key_value_heads') ? 'num_key_value_heads' : 'num_attention_heads');
}

/**
 * How positions turn queries and keys: `rope_parameters` as of transformers 5, or what stood for it before.
 */
export interface Rope {
  /** Of layers that see all tokens. */
  readonly base: number | null;
  /** Of layers with a window, where it is another. */
  readonly windowBase: number | null;
  /** `default`, `linear`, `yarn`, `llama3`, `longrope`. */
  readonly kind: string;
  /** All that is said of it. */
  readonly values: FolderConfig;
}

/** @returns what a config says of rotary positions. */
export function ropeOf(config: FolderConfig): Rope {
  const said = config.nested('rope_parameters') ?? config.nested('rope_scaling') ?? new FolderConfig({});
  const values = said.nested('full_attention') ?? said;
  const number = (section: FolderConfig, name: string) => (section.has(name) ? section.number(name) : null);
  const window = said.nested('sliding_attention');
  return {
    base: number(values, 'rope_theta') ?? number(config, 'rope_theta'),
    windowBase:
      (window === null ? null : number(window, 'rope_theta')) ?? number(config, 'rope_local_base_freq'),
    kind: values.text('rope_type') ?? values.text('type') ?? 'default',
    values,
  };
}
