import { orElse } from '../../core/or-else.js';

/** Longest pattern; names of modules are shorter. */
const MAX_LENGTH = 300;
/** Letters of names and of patterns about them. */
const LETTERS = /^[\w.\\^$|()[\]*+?-]+$/;

/** Tests one character. */
type Letter = (letter: string) => boolean;

type Node =
  | { readonly kind: 'letter'; readonly fits: Letter; readonly least: 0 | 1; readonly repeats: boolean }
  | { readonly kind: 'edge'; readonly at: 'start' | 'end' }
  | { readonly kind: 'choice'; readonly ways: readonly (readonly Node[])[] };

/** Steps that may still be taken; a stranger's patterns are counted, not trusted. */
export interface Steps {
  left: number;
}

/**
 * @returns whether it matches a name, or what follows one of its dots (peft, utils/other.py,
 *   get_pattern_key).
 * @throws RangeError when no steps are left.
 */
export type ModulePattern = (name: string, steps: Steps) => boolean;

/**
 * A pattern for the end of a module's name, as peft's rank_pattern and alpha_pattern have them: letters,
 * classes, choices, and single letters that repeat. It is matched by following all ways at once, in time
 * linear in the name: no pattern makes it go back. (Thompson, "Regular expression search algorithm", CACM
 * 11(6), 1968.)
 * @returns null for what is no such pattern.
 */
export function modulePattern(text: string): ModulePattern | null {
  const ways = text.length > MAX_LENGTH || !LETTERS.test(text) ? null : waysOf(text);
  if (ways === null) return null;
  return (name, steps) => {
    const starts = [0];
    for (let i = 0; i < name.length; i++) if (name[i] === '.') starts.push(i + 1);
    return choose(ways, name, starts, steps).includes(name.length);
  };
}

function choose(
  ways: readonly (readonly Node[])[],
  name: string,
  from: readonly number[],
  steps: Steps,
): readonly number[] {
  const ends = ways.map((way) => {
    let at = from;
    for (const node of way) {
      if (at.length === 0) break;
      at = follow(node, name, at, steps);
    }
    return at;
  });
  return ends.length === 1 ? ends[0]! : [...new Set(ends.flat())].sort((a, b) => a - b);
}

/** @returns where the text goes on after a node, from every place where it may begin; ascending. */
function follow(node: Node, name: string, from: readonly number[], steps: Steps): readonly number[] {
  steps.left -= from.length;
  if (steps.left < 0) throw new RangeError('the patterns take too many steps');
  if (node.kind === 'choice') return choose(node.ways, name, from, steps);
  if (node.kind === 'edge') return from.filter((at) => at === (node.at === 'start' ? 0 : name.length));
  const { fits, least, repeats } = node;
  const once = from.filter((at) => at < name.length && fits(name[at]!)).map((at) => at + 1);
  if (!repeats) return least === 1 ? once : [...new Set([...from, ...once])].sort((a, b) => a - b);
  const begin = least === 1 ? once : from;
  const reached: number[] = [];
  let next = 0;
  for (let at = begin[0] ?? name.length + 1; at <= name.length; at++) {
    steps.left--;
    while (next < begin.length && begin[next]! < at) next++;
    if (begin[next] === at || (reached.at(-1) === at - 1 && fits(name[at - 1]!))) reached.push(at);
  }
  return reached;
}

/** @returns null for what cannot be read to its end. */
function waysOf(text: string): Node[][] | null {
  let at = 0;
  const take = (letter: string): string | null => {
    if (text[at] !== letter) return null;
    at++;
    return letter;
  };
  const all = choice();
  return at === text.length ? all : null;

  function choice(): Node[][] | null {
    const ways: Node[][] = [];
    do {
      const way = sequence();
      if (way === null) return null;
      ways.push(way);
    } while (take('|'));
    return ways;
  }

  function sequence(): Node[] | null {
    const nodes: Node[] = [];
    for (let next = text[at]; next !== undefined && next !== '|' && next !== ')'; next = text[at]) {
      const one = node();
      if (one === null) return null;
      nodes.push(one);
    }
    return nodes;
  }

  function node(): Node | null {
    if (take('(')) {
      const ways = choice();
      // A group that repeats is more than names need.
      if (ways === null || !take(')') || /^[*+?]/.test(text.slice(at))) return null;
      return { kind: 'choice', ways };
    }
    if (take('^')) return { kind: 'edge', at: 'start' };
    if (take('$')) return { kind: 'edge', at: 'end' };
    const fits = letter();
    if (fits === null) return null;
    const repeat = take('*') ?? take('+') ?? take('?');
    // Whether as few as possible are taken makes no difference to whether there is a match.
    if (repeat !== null) take('?');
    const repeats = repeat === '*' || repeat === '+';
    return { kind: 'letter', fits, least: repeat === '*' || repeat === '?' ? 0 : 1, repeats };
  }

  function letter(): Letter | null {
    const [written] = /^(?:\[\^?(?:\\.|[^\]\\])+\]|\\[dDwWsS]|\\[^\w]|[\w.-])/.exec(text.slice(at)) ?? [];
    if (written === undefined) return null;
    at += written.length;
    if (written === '.') return () => true;
    if (written.length === 1) return (one) => one === written;
    // One letter against one class: nothing to go back to.
    const expression = orElse(() => new RegExp(`^${written}$`), null);
    return expression === null ? null : (one) => expression.test(one);
  }
}
