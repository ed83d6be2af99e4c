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
 * A pattern for the end of a module's name, as peft's rank_pattern and alpha_pattern have them: letters, classes, choices, and
 * single letters that repeat. It is matched by following all ways at once, in time linear in the name: no pattern makes it
 * go back. (Thompson, "Regular expression search algorithm", CACM 11(6), 1968.)
 */
export class ModulePattern {
  readonly #ways: readonly (readonly Node[])[];

  private constructor(ways: readonly (readonly Node[])[]) {
    this.#ways = ways;
  }

  /** @returns null for what is no such pattern. */
  static parse(text: string): ModulePattern | null {
    if (text.length > MAX_LENGTH || !LETTERS.test(text)) return null;
    const parser = new Parser(text);
    const ways = parser.choice();
    return ways === null || !parser.done ? null : new ModulePattern(ways);
  }

  /**
   * @returns whether it matches the name, or what follows one of its dots (peft, utils/other.py, get_pattern_key).
   * @throws RangeError when no steps are left
   */
  matches(name: string, steps: Steps): boolean {
    const starts = [0];
    for (let i = 0; i < name.length; i++) if (name[i] === '.') starts.push(i + 1);
    return choose(this.#ways, name, starts, steps).includes(name.length);
  }
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

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at === this.#text.length;
  }

  choice(): Node[][] | null {
    const ways: Node[][] = [];
    do {
      const way = this.#sequence();
      if (way === null) return null;
      ways.push(way);
    } while (this.#take('|'));
    return ways;
  }

  #sequence(): Node[] | null {
    const nodes: Node[] = [];
    for (let next = this.#text[this.#at]; next !== undefined && next !== '|' && next !== ')'; ) {
      const node = this.#node();
      if (node === null) return null;
      nodes.push(node);
      next = this.#text[this.#at];
    }
    return nodes;
  }

  #node(): Node | null {
    if (this.#take('(')) {
      const ways = this.choice();
      // A group that repeats is more than names need.
      if (ways === null || !this.#take(')') || /^[*+?]/.test(this.#text.slice(this.#at))) return null;
      return { kind: 'choice', ways };
    }
    if (this.#take('^')) return { kind: 'edge', at: 'start' };
    if (this.#take('$')) return { kind: 'edge', at: 'end' };
    const fits = this.#letter();
    if (fits === null) return null;
    const repeat = this.#take('*') ?? this.#take('+') ?? this.#take('?');
    // Whether as few as possible are taken makes no difference to whether there is a match.
    if (repeat !== null) this.#take('?');
    const repeats = repeat === '*' || repeat === '+';
    return { kind: 'letter', fits, least: repeat === '*' || repeat === '?' ? 0 : 1, repeats };
  }

  #letter(): Letter | null {
    const [written] =
      /^(?:\[\^?(?:\\.|[^\]\\])+\]|\\[dDwWsS]|\\[^\w]|[\w.-])/.exec(this.#text.slice(this.#at)) ?? [];
    if (written === undefined) return null;
    this.#at += written.length;
    if (written === '.') return () => true;
    if (written.length === 1) return (letter) => letter === written;
    try {
      // One letter against one class: nothing to go back to.
      const expression = new RegExp(`^${written}$`);
      return (letter) => expression.test(letter);
    } catch {
      return null;
    }
  }

  #take(letter: string): string | null {
    if (this.#text[this.#at] !== letter) return null;
    this.#at++;
    return letter;
  }
}
