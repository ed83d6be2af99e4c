import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Journal } from '../../agent/quality/asking/journal.js';
import { bySpeech } from '../../agent/quality/asking/respondent.js';
import { measureTask } from '../../agent/quality/asking/tasks.js';
import { readTasks } from '../../agent/quality/questions/task-files.js';
import { interpreterSchema, scoreByRunning } from '../../agent/quality/scoring/code-scorer.js';
import type { Question } from '../../agent/quality/scoring/external-scorer.js';
import { toFailure } from '../../core/errors.js';
import type { TaskItem } from '../../core/quality/tasks/items.js';
import { plainPrompt } from '../../core/quality/tasks/prompt.js';
import { runSandboxed, sandboxProblem } from '../../process/sandbox/run.js';
import { CHEATS } from '../support/cheats.js';
import { temporaryFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';

const PYTHON = '/usr/bin/python3';
const problem = existsSync(PYTHON) ? await sandboxProblem() : `there is no ${PYTHON}`;
/**
 * Python ignores options of this kind that it does not know. This one tells our programs from those of other
 * tests beside these.
 */
const MARK = `ridgepoint-test-${process.pid}`;
const INTERPRETER = [PYTHON, '-I', '-X', MARK] as const;
const limits = { seconds: 1, memoryBytes: 2 ** 28, processes: 16, outputBytes: 2 ** 16 };
const run = (program: string, readable: readonly string[] = [], seconds = limits.seconds) =>
  runSandboxed({ interpreter: INTERPRETER, program, readable, limits: { ...limits, seconds } });

/** Processes of this machine that run a program of a sandbox of these tests. */
const left = () =>
  readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && ['/tmp/program', MARK].every((word) => commandOf(pid).includes(word)),
  );
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe.skipIf(problem !== null)(`the sandbox (needs a sandbox: ${problem ?? 'here'})`, () => {
  test('runs a program, and tells how it ended', async () => {
    const { ended, exitCode, stdout } = await run('import sys; print("hello"); sys.exit(3)');
    expect({ ended, exitCode, stdout }).toEqual({ ended: 'exited', exitCode: 3, stdout: 'hello\n' });
  });

  test('has no network: neither the machine’s own nor any other', async () => {
    let calls = 0;
    const server = createServer(() => {
      calls += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const program = `
import socket
for place in [("127.0.0.1", ${port}), ("1.1.1.1", 53)]:
    try: socket.create_connection(place, 1); print("reached")
    except OSError as error: print(error.errno)
print(socket.if_nameindex())`;
    const { stdout } = await run(program);
    server.close();
    expect(calls).toBe(0);
    expect(stdout).toBe("101\n101\n[(1, 'lo')]\n");
  });

  test('sees no file but the system’s programs, nothing of who started it, and writes nowhere else', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'secret'), 'the secret');
    process.env.RIDGE_TOKEN = 'secret';
    const program = `
import os
for path in ${JSON.stringify([folder, process.env.HOME, '/root', '/home', '/proc/1/root', '/old', '/etc/passwd'])}:
    print(path, os.path.exists(path))
print(sorted(os.environ))
for path in ["/usr/x", "/usr/bin/x", "/bin/x"]:
    try: open(path, "w"); print("wrote", path)
    except OSError as error: print(error.errno)`;
    const { stdout } = await run(program);
    delete process.env.RIDGE_TOKEN;
    expect(stdout).not.toContain('True');
    expect(stdout).toContain("['HOME', 'LANG', 'PATH', 'PWD']");
    expect(stdout.match(/^30$/gm)).toHaveLength(3);
    const named = await run(`print(open(${JSON.stringify(join(folder, 'secret'))}).read())`, [folder]);
    expect(named.stdout).toBe('the secret\n');
  });

  test('cannot get more rights: no mounts, no namespaces, no devices, no other processes', async () => {
    const program = `
import ctypes, os, signal
c = ctypes.CDLL(None, use_errno=True)
print(c.unshare(0x10000000), c.unshare(0x20000), c.mount(b"none", b"/tmp", b"tmpfs", 0, None), c.chroot(b"/tmp"), c.ptrace(16, 1, 0, 0))
try: os.mknod("/tmp/disk", 0o60666, os.makedev(254, 0)); print("made")
except OSError as error: print(error.errno)
for pid in range(2, 60):
    if pid != os.getpid():
        try: os.kill(pid, 0); print("saw", pid, os.getpid())
        except ProcessLookupError: pass`;
    const { stdout } = await run(program);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['-1 -1 -1 -1 -1', '1']);
    // The clock that ends it is all else that is there.
    expect(stdout.match(/saw/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test.each([
    ['loops for ever', 'while True: pass', 'timed-out'],
    ['sleeps', 'import time; time.sleep(100)', 'timed-out'],
    ['forks for ever', 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass', 'timed-out'],
    ['writes for ever', 'while True: print("x" * 1000)', 'too-much-output'],
  ])('one that %s is ended, and nothing of it is left', async (_, program, ended) => {
    const found = await run(program);
    expect(found.ended).toBe(ended);
    expect(found.stdout.length).toBeLessThanOrEqual(limits.outputBytes);
    expect(left()).toEqual([]);
  });

  test('bounds processes, memory and files; what a program leaves behind ends with it', async () => {
    const program = `
import os, time
count = 0
try:
    while True:
        if os.fork() == 0:
            os.setsid(); time.sleep(50); os._exit(0)
        count += 1
except OSError: print(count < 16)
try: bytearray(2 ** 29); print("got it")
except MemoryError: print("no memory")
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open("/tmp/x", "wb") as file:
        while True: file.write(b"x" * 2 ** 20)
except OSError as error: print("full")`;
    expect((await run(program, [], 20)).stdout).toBe('True\nno memory\nfull\n');
    expect(left()).toEqual([]);
  });

  test('where it cannot be made, nothing runs, and the reason is told', async () => {
    const made = runSandboxed({
      interpreter: [PYTHON],
      program: '',
      readable: [],
      limits: { ...limits, memoryBytes: -5 },
    });
    await expect(made).rejects.toThrow(/mount/);
  });
});

describe.skipIf(problem !== null)('answers that are programs (needs a sandbox)', () => {
  const profile = interpreterSchema.parse({ interpreter: INTERPRETER, seconds: 20 });
  const examples = join(import.meta.dirname, '../../docs/examples/tasks/humaneval.yaml');
  const fixtures = join(import.meta.dirname, '../fixtures/tasks');
  const read = readTasks([examples], (path) =>
    path.endsWith('.yaml') ? path : join(fixtures, 'humaneval.jsonl'),
  );

  const asked = (item: TaskItem, answer: string): Question => ({
    ...item,
    prompt: plainPrompt(item.prompt),
    answer,
  });
  const scores = async (questions: readonly Question[], own = profile) =>
    await scoreByRunning('python', own, questions);

  test('pass with their tests alone: wrong ones, hanging ones and those that end early fail', async () => {
    const [twice, last] = sound(read).tasks[0]!.items as [TaskItem, TaskItem];
    const questions = [
      asked(twice, twice.references[0]!),
      asked(twice, '    print("thinking")\n    return 2 * x\nprint("defined")\n'),
      asked(twice, '    return x\n'),
      asked(last, '```python\ndef last(xs):\n    return xs[-1]\n```'),
      asked(last, '    import os; os._exit(0)\n'),
      asked(last, 'this is no Python'),
      asked(last, '    raise SystemExit(0)\n'),
    ];
    expect(await scores(questions)).toEqual([1, 1, 0, 1, 0, 0, 0]);
    const hangs = asked(last, '    while True: pass\n');
    expect(await scores([hangs, hangs], { ...profile, seconds: 3 })).toEqual([0, 0]);
  });

  test('fail where a wrong one looks for the tests, ends early, patches the language or speaks out of turn', async () => {
    const [twice] = sound(read).tasks[0]!.items as [TaskItem];
    const found = await scores(CHEATS.map(([, answer]) => asked(twice, answer)));
    expect(CHEATS.filter((_, i) => found[i] !== 0).map(([what]) => what)).toEqual([]);
  });

  test('give and take plain data of every kind, and raise what the language has', async () => {
    const program = `
import collections
class Own(ValueError): pass
def same(*values, **named): return [*values, named]
def counted(text): return collections.Counter(text)
def lazily(n): return (i * i for i in range(n))
def refuses(): raise Own("not this")
def unreadable(): return object()
`;
    const tests = `
values = [None, True, -2 ** 200, 0.1, float("inf"), 2 - 1j, "é\\ud800\\n", b"\\xff", (1, [2, {3}]), frozenset([4]), {(1, 2): "x"}]
assert answer.same(*values, key=1) == [*values, {"key": 1}]
assert type(answer.same(values[8])[0]) is tuple
assert answer.counted("aab") == {"a": 2, "b": 1}
assert list(answer.lazily(4)) == [0, 1, 4, 9]
for name, kind in [("refuses", ValueError), ("unreadable", TypeError), ("missing", AttributeError)]:
    try: getattr(answer, name)()
    except kind: pass
    else: raise AssertionError(name)
`;
    const question = {
      id: '1',
      prompt: '',
      references: [],
      answer: '',
      program: { parts: [program], tests },
    };
    expect(await scores([question])).toEqual([1]);
    const caught = 'try: answer.gone()\nexcept BaseException: pass\n';
    const ends = { parts: ['import os\ndef gone(): os._exit(0)\n'], tests: caught };
    expect(await scores([{ ...question, program: ends }])).toEqual([0]);
  });

  test('with tests apart need Python: of another interpreter that is said', async () => {
    const [twice] = sound(read).tasks[0]!.items as [TaskItem];
    const shell = interpreterSchema.parse({ interpreter: ['/bin/sh'] });
    const problem = toFailure(await scores([asked(twice, '')], shell).catch((error: unknown) => error));
    expect(problem).toMatchObject({ code: 'impossible-combination' });
    expect(problem.message).toContain('cannot run `tests`, which are Python');
  });

  test('that run in one process with their tests have to print the token last', async () => {
    const parts = [
      { place: 'answer' as const },
      '\nassert f() == 1\nprint("',
      { place: 'token' as const },
      '")',
    ];
    const question = (answer: string) => ({
      id: '1',
      prompt: '',
      references: [],
      answer,
      program: { parts, tests: null },
    });
    const early = 'import os; os._exit(0)';
    const answers = ['def f(): return 1', 'def f(): return 2', early, `print("x" * 100); ${early}`];
    expect(await scores(answers.map(question))).toEqual([1, 0, 0, 0]);
  });

  test('are all run where several were drawn: pass@k of an item from how many of them pass', async () => {
    const folder = temporaryFolder();
    const text = readFileSync(examples, 'utf8').replace(
      'items: HumanEval.jsonl',
      `items: ${join(fixtures, 'humaneval.jsonl')}`,
    );
    const path = join(folder, 'drawn.yaml');
    writeFileSync(
      path,
      text.replace(
        'maxTokens:',
        'samples: 3\n  passes: [1, 2]\n  sampling: { temperature: 1 }\n  maxTokens:',
      ),
    );
    const drawn = sound(readTasks([path]));
    const [task] = drawn.tasks;
    const answers = (i: number) => [
      task!.items[i]!.references[0]!,
      '    return None\n',
      i === 0 ? '    return x + x\n' : '',
    ];
    const said = (i: number) => answers(i).map((answer) => ({ text: answer, tokensOut: 1, seconds: 0.1 }));
    const spent = { tokensIn: 1, tokensOut: 3, secondsToFirst: 0.1 };
    const model = bySpeech('saying', async (i) => ({ text: answers(i)[0]!, samples: said(i), ...spent }));
    const journal = Journal.open(null, '');
    try {
      const watch = { progress() {}, async checkStop() {} };
      const asking = { model, base: model, chat: null, scorers: { python: profile }, journal, watch };
      const { outcome, judged } = await measureTask(task!, asking);
      expect(outcome.scores.map(({ name, score }) => [name, score.value.toFixed(9)])).toEqual([
        ['external:python', '0.500000000'],
        ['external:python,pass@1', '0.500000000'],
        ['external:python,pass@2', '0.833333333'],
      ]);
      expect(judged['external:python']![0]).toBeCloseTo(2 / 3, 12);
      // Of the base, too, every answer is run.
      expect(outcome.scores.map(({ base }) => base?.value.toFixed(9))).toEqual(
        outcome.scores.map(({ score }) => score.value.toFixed(9)),
      );
    } finally {
      journal.close();
    }
  });

  test('end when the work is stopped', async () => {
    const hangs = { id: '1', prompt: '', references: [], answer: 'import time; time.sleep(60)' };
    const stopped = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('stopped')), 100));
    const work = scoreByRunning('python', profile, [hangs], stopped);
    expect(toFailure(await work.catch((error: unknown) => error)).message).toContain('stopped');
    expect(left()).toEqual([]);
  });
});
