import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { commandSchema, scoreExternally } from '../../../agent/quality/scoring/external-scorer.js';
import {
  identityOf,
  type Scorers,
  scorerNames,
  scorersNamed,
} from '../../../agent/quality/scoring/scorers.js';
import { toFailure } from '../../../core/errors.js';
import { plainTask } from '../../../core/quality/tasks/definition.js';
import { askedSo, type Task } from '../../../core/quality/tasks/few-shot.js';
import { temporaryFolder } from '../../support/folder.js';

/** A real program: Node.js with a script that reads lines and answers as it is told. */
function judge(script: string, rest: object = {}) {
  const path = join(temporaryFolder(), 'judge.mjs');
  writeFileSync(
    path,
    `import { createInterface } from 'node:readline';
     const say = (line) => process.stdout.write(line + '\\n');
     const questions = async (each) => {
       let i = 0;
       for await (const line of createInterface({ input: process.stdin })) await each(JSON.parse(line), i++);
     };
     ${script}`,
  );
  return commandSchema.parse({ command: [process.execPath, path], ...rest });
}

const question = (id: string, answer: string) => ({
  id,
  prompt: `p ${id}`,
  answer,
  references: ['yes', 'ja'],
});
const three = [question('a', 'yes'), question('b', 'no\nnever "$(rm -rf /)"'), question('c', 'ja')];
const failed = async (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => toFailure(error),
  );

describe('an external scorer', () => {
  test('gets a line for each answer and gives a line with a score', async () => {
    const profile = judge(
      "await questions((q) => say(JSON.stringify({ id: q.id, score: q.references.includes(q.answer) ? 1 : q.prompt.length / 10, why: 'x' })));",
    );
    expect(await scoreExternally('judge', profile, three)).toEqual([1, 0.3, 1]);
    expect(await scoreExternally('judge', profile, [])).toEqual([]);
  });

  test.skipIf(!existsSync('/usr/bin/python3'))(
    'the one that ships names the package that is missing (needs /usr/bin/python3)',
    async () => {
      const program = join(import.meta.dirname, '../../../docs/examples/scorers/text_metrics.py');
      // -S: without any package that somebody installed.
      const profile = commandSchema.parse({ command: ['/usr/bin/python3', '-S', program, 'bleu'] });
      const found = await failed(scoreExternally('bleu', profile, three));
      expect(found?.stderrTail).toMatch(/sacrebleu is not installed for .*: .* -m pip install sacrebleu/);
    },
  );

  test('may say that it could not score an answer, with its reason', async () => {
    const profile = judge(
      "await questions((q, i) => say(JSON.stringify(i === 1 ? { score: null, reason: 'unreadable' } : { score: 1 })));",
    );
    expect(await scoreExternally('judge', profile, three)).toEqual([1, null, 1]);
  });

  test('is started without a shell and with little of an environment', async () => {
    process.env.RIDGE_TOKEN = 'secret';
    const script = `
      const { RIDGE_TOKEN, GIVEN, PATH } = process.env;
      const right = RIDGE_TOKEN === undefined && GIVEN === 'yes' && PATH !== undefined && process.argv[2] === '$HOME; *';
      await questions(() => say(JSON.stringify({ score: right ? 1 : 0 })));`;
    const profile = judge(script, { env: { GIVEN: 'yes' } });
    const command = [...profile.command, '$HOME; *'];
    expect(await scoreExternally('judge', { ...profile, command }, three)).toEqual([1, 1, 1]);
    delete process.env.RIDGE_TOKEN;
  });

  test('takes more answers than fit into a pipe', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => question(String(i), 'x'.repeat(500)));
    const profile = judge('await questions((q) => say(JSON.stringify({ id: q.id, score: 0.5 })));');
    expect(await scoreExternally('judge', profile, many)).toHaveLength(2000);
  });

  test.each([
    ['says nothing', 'await questions(() => {});', /ended with exit code 0 \(0 of 3 answers scored\)/],
    ['ends early', 'say(\'{"score":1}\'); process.exit(0);', /ended with exit code 0 \(1 of 3/],
    ['fails', "console.error('no model'); process.exit(3);", /ended with exit code 3 \(0 of 3/],
    [
      'fails at the end',
      'await questions(() => say(\'{"score":1}\')); process.exit(3);',
      /exit code 3 \(3 of 3/,
    ],
    ['is killed', 'process.kill(process.pid, "SIGKILL"); await questions(() => {});', /signal SIGKILL/],
    [
      'talks',
      "say('Loading the model...'); await questions(() => {});",
      /wrote "Loading the model..." where/,
    ],
    ['scores in percent', 'say(\'{"score":87}\'); await questions(() => {});', /wrote ".*87.*" where/],
    ['scores nothing', 'say(\'{"score":null}\'); await questions(() => {});', /where \{"score": 0 to 1\}/],
    [
      'mixes them up',
      'say(\'{"id":"c","score":1}\'); await questions(() => {});',
      /scored "c" where "a" was next/,
    ],
    [
      'scores too much',
      'for (let i = 0; i < 9; i++) say(\'{"score":1}\'); await questions(() => {});',
      /more scores than the 3/,
    ],
    [
      'never ends a line',
      "process.stdout.write('x'.repeat(1e6)); await questions(() => {});",
      /more than 65536 bytes/,
    ],
  ])('that %s is told in a sentence', async (_, script, why) => {
    const found = await failed(scoreExternally('judge', judge(script), three));
    expect(found).toMatchObject({ code: 'run-failed', message: expect.stringMatching(why) });
    expect(found?.message).toMatch(/^the scorer judge /);
    if (script.includes('no model')) expect(found?.stderrTail).toBe('no model');
  });

  test('that is not there ends at once', async () => {
    const missing = commandSchema.parse({ command: ['/nowhere/judge'] });
    expect(await failed(scoreExternally('judge', missing, three))).toMatchObject({
      code: 'run-failed',
      message: expect.stringContaining('could not be started'),
    });
  });

  test('that takes too long for a score, from the one before, is given up', async () => {
    // The time of the program is real, that of the one who waits passes when it is told to: how long the
    // program takes to start does not count.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => {
      vi.restoreAllMocks();
      vi.useRealTimers();
    });
    const slow = judge('say(\'{"score":1}\'); await new Promise(() => setInterval(() => {}, 1000));');
    const scored = failed(scoreExternally('judge', { ...slow, timeoutSeconds: 20 }, three));
    const clock = timers.mock.results[0]!.value as NodeJS.Timeout;
    const heard = vi.spyOn(clock, 'refresh');
    vi.advanceTimersByTime(15_000);
    await expect.poll(() => heard.mock.calls.length).toBe(1);
    vi.advanceTimersByTime(15_000);
    expect(await Promise.race([scored, 'waits'])).toBe('waits');
    vi.advanceTimersByTime(5_000);
    expect(await scored).toMatchObject({
      code: 'timed-out',
      message: expect.stringContaining('gave no score for 20 s (1 of 3 answers scored)'),
    });
  });

  test('ends when the work is to end', async () => {
    const waits = judge('await new Promise(() => setInterval(() => {}, 1000));');
    const stopped = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('enough')), 100));
    expect((await failed(scoreExternally('judge', waits, three, stopped)))?.message).toBe('enough');
  });
});

describe('which scorers a task may use', () => {
  const task = (scorers: Task['spec']['scorers'], mode: 'generate' | 'choice' = 'generate'): Task => {
    const { name, spec } = plainTask('t', 't.jsonl');
    return askedSo({ name, spec: { ...spec, mode, scorers } }, []);
  };
  const profile = commandSchema.parse({ command: ['judge'] });
  const scorersOf = (tasks: readonly Task[], known: Scorers) => scorersNamed(scorerNames(tasks), known);

  test('those that the node’s config has, and no other', async () => {
    expect(scorersOf([task(['exact', 'external:judge'])], { judge: profile, other: profile })).toEqual({
      judge: profile,
    });
    expect(scorersOf([task(['external:judge'], 'choice')], {})).toEqual({});
    const refused = await failed(
      (async () => scorersOf([task(['external:toString'])], { judge: profile }))(),
    );
    expect(refused).toMatchObject({
      code: 'source-not-allowed',
      message: 'this node has no scorer toString',
      hint: 'Its config names under scorers: judge.',
    });
  });

  test('answers are asked again when a scorer’s words or files change', async () => {
    const script = join(temporaryFolder(), 'judge.sh');
    const cache = temporaryFolder();
    writeFileSync(script, 'one');
    const of = async (word: string) =>
      JSON.stringify(await identityOf({ judge: { ...profile, command: [script, word] } }, cache));
    const first = await of('a');
    expect(await of('a')).toBe(first);
    expect(await of('b')).not.toBe(first);
    writeFileSync(script, 'another');
    expect(await of('a')).not.toBe(first);
  });
});
