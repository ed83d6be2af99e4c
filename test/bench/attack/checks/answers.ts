import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTasks } from '../../../../agent/quality/questions/task-files.js';
import { interpreterSchema, scoreByRunning } from '../../../../agent/quality/scoring/code-scorer.js';
import { readBy } from '../../../../core/quality/reading/steps.js';
import { patternProblem } from '../../../../core/quality/scorers/pattern.js';
import { plainPrompt } from '../../../../core/quality/tasks/prompt.js';
import { CHEATS } from '../../../support/cheats.js';
import { applicationsEnded } from '../../../support/graph-run.js';
import { sound } from '../../../support/reading.js';
import type { Check } from '../check.js';

const ROOT = join(import.meta.dirname, '../../../..');
/** An agent is heard of every few seconds. */
const MOST_BLOCKED_SECONDS = 3;

/**
 * Runs a script of this bench with an agent's usual share of memory.
 * @returns what it prints, or how it ended.
 */
async function inChild(script: string, words: readonly string[]): Promise<string> {
  const path = join(import.meta.dirname, '..', script);
  const args = ['--max-old-space-size=600', '--import', 'tsx', path, ...words];
  return await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, timeout: 90_000 }, (error, stdout) =>
      resolve(stdout.trim() === '' ? `it ended with ${error?.signal ?? error?.code}` : stdout.trim()),
    );
  });
}

/** A task of lm-evaluation-harness with one item. */
const taskFile = (template: string) => `task: hostile
dataset_path: json
dataset_kwargs: { data_files: { test: items.jsonl } }
test_split: test
output_type: generate_until
doc_to_text: ${JSON.stringify(template)}
doc_to_target: "{{a}}"
`;

const ENDLESS = '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}';
/** A hundred million numbers. */
const LARGE =
  '{% set held = namespace(all=[]) %}{% for i in range(99) %}{% set held.all = held.all + [range(1000000)] %}{% endfor %}';

export const answersChecks: readonly Check[] = [
  {
    name: 'answers-pass-at-k',
    claim: 'a wrong program passes by nothing that it reads, ends, patches or prints; a right one passes',
    seconds: 300,
    run: async () => {
      const example = join(ROOT, 'docs/examples/tasks/humaneval.yaml');
      const items = join(ROOT, 'test/fixtures/tasks/humaneval.jsonl');
      const [task] = sound(readTasks([example], (path) => (path === example ? path : items))).tasks;
      const twice = task!.items[0]!;
      const asked = (answer: string) => ({ ...twice, prompt: plainPrompt(twice.prompt), answer });
      const profile = interpreterSchema.parse({ interpreter: ['/usr/bin/python3', '-I'], seconds: 20 });
      const right = ['    return 2 * x\n', '    print(x)\n    return x + x\nprint("defined")\n'];
      const answers = [...right, ...CHEATS.map(([, answer]) => answer)];
      const [one, other, ...wrong] = await scoreByRunning('python', profile, answers.map(asked));
      const passed = CHEATS.filter((_, i) => wrong[i] !== 0).map(([what]) => what);
      const figure = `right ones ${one} and ${other}; ${passed.length} of ${CHEATS.length} wrong ones pass`;
      return {
        holds: one === 1 && other === 1 && passed.length === 0,
        figure: passed.length === 0 ? figure : `${figure}: one that ${passed.join(', one that ')}`,
      };
    },
  },
  {
    name: 'answers-pattern-form',
    claim: 'patterns whose time doubles with each character are refused before they run',
    run: async () => {
      const patterns = [
        `^${'(a?)'.repeat(24)}${'a'.repeat(24)}$`,
        '^(?:a?){26}a{26}$',
        `${'(?:a|a)'.repeat(24)}$`,
      ];
      const taken = patterns.filter((pattern) => patternProblem(pattern) === null);
      return { holds: taken.length === 0, figure: `${taken.length} of ${patterns.length} taken` };
    },
  },
  {
    name: 'answers-pattern-time',
    claim: "a graph's pattern that takes for ever on an answer ends its application within seconds",
    seconds: 200,
    run: async (ground) => {
      const folder = ground.path('graph');
      mkdirSync(folder);
      const said = await inChild('graph-child.ts', [folder, 'a*a*a*a*b', 'a'.repeat(2000)]);
      return { holds: /"failed","[^"]* takes longer than \d+ s/.test(said), figure: said };
    },
  },
  {
    name: 'answers-task-template',
    claim:
      'a template of a task file neither blocks an agent nor takes its memory: the file is refused in a sentence',
    seconds: 300,
    run: async (ground) => {
      const seen: string[] = [];
      let holds = true;
      for (const [what, template] of [
        ['endless', ENDLESS],
        ['large', LARGE],
      ] as const) {
        const folder = ground.path(what);
        mkdirSync(folder);
        writeFileSync(join(folder, 'items.jsonl'), '{"a": "1"}\n');
        writeFileSync(join(folder, 'task.yaml'), taskFile(template));
        const said = await inChild('task-file-child.ts', [folder, 'task.yaml']);
        const blocked = Number(/"blockedSeconds":([\d.]+)/.exec(said)?.[1] ?? Number.NaN);
        holds &&= blocked < MOST_BLOCKED_SECONDS && !said.includes('"nothing"');
        seen.push(`${what}: ${said}`);
      }
      return { holds, figure: seen.join('; ') };
    },
  },
  {
    name: 'answers-json-field',
    claim: 'a field of JSON costs no parse for each of the braces that an answer ends with',
    run: async () => {
      const original = JSON.parse;
      let parsed = 0;
      JSON.parse = (...given) => {
        parsed += 1;
        return original(...given);
      };
      try {
        readBy([{ do: 'json', field: 'a' }], [`${'{"'.repeat(50)}a${'}'.repeat(5000)}`]);
      } finally {
        JSON.parse = original;
      }
      return { holds: parsed <= 100, figure: `JSON.parse was called ${parsed} times` };
    },
  },
  {
    name: 'answers-nested-lists',
    claim: 'an answer of nested lists ends its application, and no other',
    run: async (ground) => {
      const folder = ground.path('graph');
      mkdirSync(folder);
      const nested = '['.repeat(6000) + ']'.repeat(6000);
      const ended = await applicationsEnded(folder, 'json', [nested, '{"a": 1}', nested, '[]']);
      const outcomes = ended.map(([, outcome]) => outcome).join(', ');
      return { holds: outcomes === 'failed, complete, failed, complete', figure: outcomes };
    },
  },
];
