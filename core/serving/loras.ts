import { quote } from '../quote.js';

/** A LoRA adapter that a server loads. */
export interface NamedLora {
  /** What requests call it. */
  readonly name: string;
  /**
   * The adapter's source, written as for the technique `adapter`: a file or folder below a model folder, or
   * `builtin:NAME`.
   */
  readonly source: string;
}

/** How many requests ask for an adapter. */
export interface LoraShare {
  /** null = the model as it is. */
  readonly name: string | null;
  /** Share of all requests; the shares of a list add up to 1. */
  readonly share: number;
}

/** The name, among those of adapters, that stands for the model without an adapter. */
const BASE = 'base';
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** @returns the adapters of `sql=adapters/sql,chat=adapters/chat.gguf`, or one sentence on what is wrong. */
export function parseLoras(text: string): readonly NamedLora[] | string {
  const loras: NamedLora[] = [];
  for (const entry of text.split(',')) {
    const at = entry.indexOf('=');
    const [name, source] = [entry.slice(0, at).trim(), entry.slice(at + 1).trim()];
    if (at < 0 || !NAME.test(name) || source === '') {
      return `${quote(entry)} is no adapter: write name=source, such as sql=adapters/sql.gguf`;
    }
    if (name === BASE) return `${BASE} stands for the model as it is: call the adapter otherwise`;
    if (loras.some((lora) => lora.name === name)) return `the adapter ${name} is named twice`;
    loras.push({ name, source });
  }
  return loras;
}

/** @returns the adapters that a point loads. Text that cannot be read was refused with the sweep. */
export function lorasOf({ loras }: { readonly loras?: unknown }): readonly NamedLora[] {
  const read = typeof loras === 'string' ? parseLoras(loras) : [];
  return typeof read === 'string' ? [] : read;
}

/** @returns the shares of `sql:3,chat:1,base:1`, in parts of their sum, or one sentence on what is wrong. */
export function parseLoraShares(text: string): readonly LoraShare[] | string {
  const parts: LoraShare[] = [];
  for (const entry of text.split(',')) {
    const [, name = '', amount = ''] = /^\s*([^:]+):(\d+(?:\.\d+)?)\s*$/.exec(entry) ?? [];
    if (!NAME.test(name) || !(Number(amount) > 0)) {
      return `${quote(entry)} is no share of an adapter: write name:parts, such as sql:3, or ${BASE}:1 for the model as it is`;
    }
    const called = name === BASE ? null : name;
    if (parts.some((part) => part.name === called)) return `${name} has two shares`;
    parts.push({ name: called, share: Number(amount) });
  }
  const all = parts.reduce((sum, { share }) => sum + share, 0);
  return parts.map(({ name, share }) => ({ name, share: share / all }));
}

/** @param uniform a number of [0, 1). @returns the adapter that a request asks for; null = none. */
export function drawLora(shares: readonly LoraShare[], uniform: number): string | null {
  let until = 0;
  for (const { name, share } of shares) {
    until += share;
    if (uniform < until) return name;
  }
  return shares.at(-1)?.name ?? null;
}
