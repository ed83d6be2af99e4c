import type { NodeProfile } from './node.js';

/** Labels that a node has to have: each with one of these values; `{}` = any node. */
export type NodeSelector = Readonly<Record<string, readonly string[]>>;

/** @returns whether a node has every label with one of the values asked for. */
export function selects(selector: NodeSelector, { labels }: Pick<NodeProfile, 'labels'>): boolean {
  return Object.keys(selector).every((key) => hasLabel(selector, key, labels));
}

/**
 * @param where what the nodes are called together in a sentence.
 * @returns why a selector finds none of the nodes: the label that none has, with what they have instead, or
 *   that none has all; null = it finds one.
 */
export function whyNoneSelected(
  selector: NodeSelector,
  nodes: readonly Pick<NodeProfile, 'labels'>[],
  where: string,
): string | null {
  if (nodes.some((node) => selects(selector, node))) return null;
  const keys = Object.keys(selector);
  const lacking = keys.find((key) => !nodes.some(({ labels }) => hasLabel(selector, key, labels)));
  if (lacking === undefined) return `${where} has all of ${labelsText(selector)}`;
  const values = nodes.flatMap(({ labels }) => (Object.hasOwn(labels, lacking) ? [labels[lacking]!] : []));
  const instead = values.length === 0 ? '' : `; there is ${labelsText({ [lacking]: [...new Set(values)] })}`;
  return `${where} has ${labelsText({ [lacking]: selector[lacking]! })}${instead}`;
}

/** Values named in a sentence: a fleet may have thousands. */
const MOST_NAMED = 8;

/** @returns `gpu=h100|a100, zone=lab`, by the names of the labels. */
export function labelsText(labels: Readonly<Record<string, string | readonly string[]>>): string {
  const text = ([key, value]: readonly [string, string | readonly string[]]) => {
    const values = [value].flat();
    const more = values.length > MOST_NAMED ? '|…' : '';
    return `${key}=${values.slice(0, MOST_NAMED).join('|')}${more}`;
  };
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(text)
    .join(', ');
}

function hasLabel(selector: NodeSelector, key: string, labels: NodeProfile['labels']): boolean {
  return Object.hasOwn(labels, key) && selector[key]!.includes(labels[key]!);
}
