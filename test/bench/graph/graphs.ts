import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An instruction of so many rules, some 17 tokens each, which the prompts of an application share. */
const rules = (count: number) =>
  Array.from(
    { length: count },
    (_, i) => `Rule ${i + 1}: write plain words, keep names and numbers, leave out what is only decoration.`,
  ).join(' ');

const HEAD = (name: string) =>
  `apiVersion: ridgepoint.dev/v1\nkind: Graph\nmetadata: { name: ${name} }\nspec:\n`;

/** Parts that are summarised side by side under one instruction, and put together. */
const MAP_REDUCE = `${HEAD('map-reduce')}  items:
    - { id: one, parts: [the king went out to hunt, his daughter found a golden ring, an old man asked for bread, the ship came home in spring] }
    - { id: two, parts: [a fox lived under the hill, the miller lost his only horse, snow fell on the feast day, nobody knew the stranger] }
  inputs: [parts]
  roles: { editor: { system: "${rules(12)}" } }
  nodes:
    summaries: { map: parts, as: part, do: { summary: { prompt: "Summarise: {{part}}", role: editor, maxTokens: 25 } } }
    whole: { prompt: "Together:\\n{{summaries | numbered}}", role: editor, maxTokens: 25 }
`;

/**
 * An architect, a programmer for each file, reviewers and revisers who read all of it; within the 512 tokens
 * of the shipped model.
 */
const AGENTS = `${HEAD('agents')}  items: [{ id: shop, task: a small shop, files: [store, basket, page] }]
  inputs: [task, files]
  roles: { agent: { system: "${rules(6)}" } }
  nodes:
    design: { prompt: "Design {{task}} with {{files | lines}}.", role: agent, maxTokens: 25 }
    code: { map: files, as: file, do: { written: { prompt: "{{design}} Write {{file}}.", role: agent, maxTokens: 25 } } }
    reviews: { map: files, as: read, do: { review: { prompt: "{{design}} {{code}} Review {{read}}.", role: agent, maxTokens: 25 } } }
    revised: { map: files, as: mended, do: { revision: { prompt: "{{design}} {{code}} {{reviews}} Mend {{mended}}.", role: agent, maxTokens: 25 } } }
`;

/** @returns the files of both graphs, written into a folder. */
export function writeGraphs(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries({ 'map-reduce': MAP_REDUCE, agents: AGENTS }).map(([name, text]) => {
      const path = join(folder, `${name}.yaml`);
      writeFileSync(path, text);
      return [name, path];
    }),
  );
}
