import type { Prompt } from '../../../core/quality/tasks/prompt.js';
import type { Message } from '../../../core/serving/tokenizer.js';
import type { LmEvalTask } from './definition.js';
import { pythonLiteral, pythonText } from './python.js';
import { type Doc, openTemplate } from './templates.js';

type Templates = Pick<LmEvalTask, 'doc_to_text' | 'doc_to_target' | 'doc_to_choice'>;

/** What a record says by the templates of its task. */
export interface Written {
  /** A question; a number where the options are what stands before the answer (WinoGrande). */
  readonly text: string | number;
  readonly target: string | number | readonly (string | number)[];
  readonly choices: readonly string[] | null;
}

/** A turn: what it says, and what follows it in a text that is no chat. */
interface Turn extends Message {
  readonly after: string;
}

/** How turns become a prompt. */
export interface Turns {
  readonly chat: boolean;
  readonly system: string | null;
  /** Examples are turns of their own; else one message. */
  readonly multiturn: boolean;
}

const isDigits = (text: string) => /^\p{Nd}+$/u.test(text);

/** Joins with a delimiter, unless a blank is there already. */
function delimited(prefix: string, suffix: string, delimiter: string): string {
  if (prefix === '' || suffix === '') return prefix + suffix;
  return /\s$/.test(prefix) || /^\s/.test(suffix) ? prefix + suffix : prefix + delimiter + suffix;
}

/** Writes records as a task says: its `ConfigurableTask.fewshot_context`, and what that asks. */
export class Docs {
  /** By the first record: the options are contexts, and the target what follows each. */
  readonly severalInputs: boolean;
  readonly #config: LmEvalTask;
  /** Fields that records have: a template that is one of them means its value. */
  readonly #fields: ReadonlySet<string>;
  readonly #severalTargets: boolean;
  readonly #templates = new Map<string, (doc: Doc) => string>();

  constructor(config: LmEvalTask, asked: readonly Doc[]) {
    this.#config = config;
    this.#fields = new Set(Object.keys(asked[0] ?? {}));
    const first = this.written(asked[0] ?? {});
    this.severalInputs = typeof first.text === 'number' && config.doc_to_choice != null;
    this.#severalTargets = Array.isArray(first.target);
  }

  written(doc: Doc, templates: Templates = this.#config): Written {
    const ofChoices = this.#config.doc_to_choice != null;
    return {
      text: this.#text(doc, templates.doc_to_text, ofChoices),
      target: this.#target(doc, templates.doc_to_target, ofChoices),
      choices: templates.doc_to_choice == null ? null : this.#choices(doc, templates.doc_to_choice),
    };
  }

  /** Right answers to what is generated, where the target is no option. */
  references({ target }: Pick<Written, 'target'>): string[] {
    if (Array.isArray(target)) return this.#severalTargets ? target.map(String) : [pythonText(target)];
    return [pythonText(target)];
  }

  /** @returns a prompt; one for each option where the options are what is asked. */
  prompt(doc: Doc, shown: readonly Doc[], turns: Turns): Prompt | readonly Prompt[] {
    const { description, fewshot_delimiter, target_delimiter, gen_prefix } = this.#config;
    const said = delimited(turns.system ?? '', this.#field(doc, description), fewshot_delimiter);
    const before: Turn[] = said === '' ? [] : [{ role: 'system', content: said, after: '' }];
    for (const example of shown) before.push(...this.#example(example));
    const prefix = gen_prefix == null ? '' : this.#field(doc, gen_prefix);
    const { text, choices } = this.written(doc);
    const asked = (question: string, delimiter: string) =>
      written([...before, ...asking(question, prefix, delimiter)], turns);
    if (this.severalInputs) return (choices ?? []).map((context) => asked(context, ''));
    return asked(String(text), target_delimiter);
  }

  #example(doc: Doc): Turn[] {
    const config = this.#config;
    const own: Partial<NonNullable<LmEvalTask['fewshot_config']>> = config.fewshot_config ?? {};
    const { text, target, choices } = this.written(doc, {
      doc_to_text: own.doc_to_text ?? config.doc_to_text,
      doc_to_target: own.doc_to_target ?? config.doc_to_target,
      doc_to_choice: own.doc_to_choice ?? config.doc_to_choice,
    });
    const gen = own.gen_prefix ?? config.gen_prefix;
    const prefix = gen == null ? '' : this.#field(doc, gen);
    const question = this.severalInputs ? (choices?.[Number(text)] ?? '') : String(text);
    const listed = this.severalInputs ? null : choices;
    const [first = ''] = Array.isArray(target) ? target : [];
    const answer =
      listed !== null && typeof target === 'number'
        ? (listed[target] ?? '')
        : String(Array.isArray(target) ? first : target);
    const between = own.target_delimiter ?? config.target_delimiter;
    // An option that is empty is an answer, and a target that is empty is none.
    if (target === '') return asking(question, prefix, between);
    const after = prefix === '' || needsBlank(question, prefix) ? between : '';
    return [
      { role: 'user', content: question, after },
      {
        role: 'assistant',
        content: delimited(prefix, answer, ' '),
        after: own.fewshot_delimiter ?? config.fewshot_delimiter,
      },
    ];
  }

  /** A field by its name, else a template. */
  #field(doc: Doc, said: string): string {
    if (said === '') return '';
    return Object.hasOwn(doc, said) ? pythonText(doc[said]) : this.#render(doc, said);
  }

  #text(doc: Doc, said: Templates['doc_to_text'], ofChoices: boolean): string | number {
    if (typeof said === 'number') return said;
    if (this.#fields.has(said)) return plainValue(doc[said]) as string | number;
    const text = this.#render(doc, said);
    return isDigits(text) && ofChoices ? Number(text) : text;
  }

  #target(doc: Doc, said: Templates['doc_to_target'], ofChoices: boolean): Written['target'] {
    if (typeof said === 'number' || Array.isArray(said)) return said;
    if (this.#fields.has(said)) return plainValue(doc[said]);
    const text = this.#render(doc, said);
    if (isDigits(text) && ofChoices) return Number(text);
    if (text.length < 2 || !text.startsWith('[') || !text.endsWith(']')) return text;
    const list = pythonLiteral(text);
    return Array.isArray(list) ? (list as string[]) : text;
  }

  #choices(doc: Doc, said: NonNullable<Templates['doc_to_choice']>): readonly string[] {
    if (Array.isArray(said)) return said;
    if (typeof said === 'object') return Object.values(said);
    const list = this.#fields.has(said) ? doc[said] : pythonLiteral(this.#render(doc, said));
    if (Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string'))
      return list as string[];
    throw new Error('doc_to_choice does not give a list of texts');
  }

  #render(doc: Doc, source: string): string {
    let template = this.#templates.get(source);
    if (template === undefined) {
      template = openTemplate(source);
      this.#templates.set(source, template);
    }
    return template(doc);
  }
}

/** A truth value is a number to Python. */
function plainValue(value: unknown): Written['target'] {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'string' || typeof value === 'number') return value;
  return Array.isArray(value) ? (value as string[]) : pythonText(value ?? null);
}

const needsBlank = (prefix: string, suffix: string) =>
  prefix !== '' && !/\s$/.test(prefix) && !/^\s/.test(suffix);

function asking(question: string, prefix: string, delimiter: string): Turn[] {
  const after = prefix !== '' && needsBlank(question, prefix) ? delimiter : '';
  const asked: Turn = { role: 'user', content: question, after };
  return prefix === '' ? [asked] : [asked, { role: 'assistant', content: prefix, after: '' }];
}

function written(all: readonly Turn[], { chat, multiturn }: Turns): Prompt {
  const joined = (turns: readonly Turn[]) => turns.map(({ content, after }) => content + after).join('');
  if (!chat) return joined(all);
  const message = ({ role, content }: Message): Message => ({ role, content });
  if (multiturn) return all.map(message);
  const system = all[0]?.role === 'system' ? all.slice(0, 1) : [];
  const rest = all.slice(system.length);
  const begun = rest.at(-1)?.role === 'assistant' ? rest.slice(-1) : [];
  const asked = rest
    .slice(0, rest.length - begun.length)
    .map((turn, i, list) => (i === list.length - 1 ? { ...turn, after: '' } : turn));
  return [...system.map(message), { role: 'user', content: joined(asked) }, ...begun.map(message)];
}
