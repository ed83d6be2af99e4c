import { isSize, Unreadable } from './reading.js';

/** A parsed config.json; every error in it becomes one sentence. */
export class ConfigFile {
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws Unreadable when it is no object. */
  constructor(values: unknown) {
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new Unreadable('the config is not an object', 'Give the config.json of a model.');
    this.#values = values as Readonly<Record<string, unknown>>;
  }

  /** @returns the same with what it leaves out. */
  withDefaults(defaults: Readonly<Record<string, unknown>>): ConfigFile {
    return new ConfigFile({ ...defaults, ...this.#values });
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  /** The config of the language part of a model that sees as well. */
  nested(key: string): ConfigFile | null {
    const value = this.get(key);
    return typeof value === 'object' && value !== null ? new ConfigFile(value) : null;
  }

  /** @throws Unreadable when it is missing without a default, or no size. */
  size(key: string, otherwise?: number | null): number {
    const value = this.get(key) ?? otherwise ?? undefined;
    if (value === undefined) throw new Unreadable(`the config does not say ${key}`);
    if (!isSize(value))
      throw new Unreadable(`the config says ${key} = ${JSON.stringify(value)}, which is no size`);
    return value;
  }

  /** @returns null when it is missing, null, or 0. */
  optionalSize(key: string): number | null {
    const value = this.get(key);
    return value === undefined || value === null || value === 0 ? null : this.size(key);
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.get(key);
    return typeof value === 'boolean' ? value : otherwise;
  }

  number(key: string, otherwise: number): number {
    const value = this.get(key);
    return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
  }

  text(key: string): string | null {
    const value = this.get(key);
    return typeof value === 'string' ? value : null;
  }

  list(key: string): readonly unknown[] | null {
    const value = this.get(key);
    return Array.isArray(value) ? value : null;
  }
}
