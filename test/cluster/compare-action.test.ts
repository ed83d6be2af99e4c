import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readRun } from '../../cli/report/run-folder.js';
import { sharedFolder } from '../support/folder.js';
import { ROOT } from '../support/ridge.js';

const ACTION = join(ROOT, '.github/actions/compare');
const folder = sharedFolder();
const repository = join(folder, 'repository');
const out = join(folder, 'out');

/** Names of branches come from whoever opens a pull request. */
const BRANCH = 'x;echo>hacked';

/**
 * A repository whose second commit makes the fake engine slower: so much that no machine is too busy to tell.
 */
const sweep = (tokensPerSecond: number) => `
spec:
  models: builtin:tiny
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: ${tokensPerSecond}, fakeJitter: 0.01 }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }]
  measure: { maxRepeats: 3, maxWarmups: 1 }
  placement: { driftControl: false }
`;

function git(...words: string[]): string {
  const named = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'init.defaultBranch=main'];
  const { status, stdout, stderr } = spawnSync('git', [...named, ...words], {
    cwd: repository,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

function commit(tokensPerSecond: number, message: string): string {
  writeFileSync(join(repository, 'sweep.yaml'), sweep(tokensPerSecond));
  git('add', '.');
  git('commit', '--quiet', '-m', message);
  return git('rev-parse', 'HEAD');
}

/** Runs a script of the action as GitHub would. */
async function script(name: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [join(ACTION, name)], {
    cwd: repository,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, printed };
}

const commits = { base: '', head: '' };
beforeAll(() => {
  mkdirSync(repository);
  git('init', '--quiet');
  commits.base = commit(2000, 'fast');
  git('checkout', '--quiet', '-b', BRANCH);
  commits.head = commit(20, 'slow');
});

test('two commits are measured in turns, a red gate is the exit code, and the comment is a file', async () => {
  const { code, printed } = await script('compare.mjs', {
    COMPARE_SWEEP: 'sweep.yaml',
    COMPARE_BASE: commits.base,
    COMPARE_HEAD: BRANCH,
    COMPARE_BUILD: 'touch built',
    COMPARE_STARTS: '3',
    COMPARE_GATES: 'decodeTokensPerSecond:-5%\n',
    COMPARE_OUT: out,
  });
  expect(code, printed).toBe(3);
  const comment = readFileSync(join(out, 'comment.md'), 'utf8');
  expect(comment).toContain(
    `${commits.base.slice(0, 12)} → ${commits.head.slice(0, 12)}, 3 starts a side, in turns`,
  );
  expect(comment).toMatch(/\| .*worse/);
  expect(comment).toContain('- gate red: decodeTokensPerSecond:-5%');
  expect(comment).toMatch(/- without any change a gate is red in at most 1\.0 % of such comparisons/);
  // Ours, theirs, theirs, ours.
  const starts = (['base', 'head'] as const).flatMap((side) =>
    readRun(join(out, side)).records.map(({ startedAt }) => ({ side, startedAt })),
  );
  const inTime = starts.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1)).map(({ side }) => side);
  expect(inTime).toEqual(['base', 'head', 'head', 'base', 'base', 'head']);
  expect(existsSync(join(repository, 'hacked'))).toBe(false);
  expect(git('worktree', 'list').split('\n')).toHaveLength(1);
}, 180_000);

test('settings that cannot be are one sentence', async () => {
  const { code, printed } = await script('compare.mjs', {
    COMPARE_STARTS: '1',
    COMPARE_OUT: join(folder, 'none'),
  });
  expect([code, printed]).toEqual([2, expect.stringMatching(/^compare: starts is a whole number from 2 on/)]);
});

test('the comment is written once and then written over; the token is printed nowhere', async () => {
  const asked: { method: string; url: string; authorization: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, authorization: headers.authorization ?? '', body });
      const written = asked.find((one) => one.method === 'POST');
      const comments =
        written === undefined ? [] : [{ id: 7, body: (JSON.parse(written.body) as { body: string }).body }];
      response.end(JSON.stringify(method === 'GET' ? comments : {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const file = join(folder, 'comment.md');
  writeFileSync(file, 'table');
  const env = {
    COMMENT_FILE: file,
    COMMENT_TOKEN: 'secret-of-the-job',
    COMMENT_NUMBER: '12',
    GITHUB_REPOSITORY: 'me/it',
    GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  const runs = [await script('comment.mjs', env), await script('comment.mjs', env)];
  server.close();
  expect(runs).toEqual([
    { code: 0, printed: '' },
    { code: 0, printed: '' },
  ]);
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /repos/me/it/issues/12/comments?per_page=100',
    'POST /repos/me/it/issues/12/comments',
    'GET /repos/me/it/issues/12/comments?per_page=100',
    'PATCH /repos/me/it/issues/comments/7',
  ]);
  expect(asked.every(({ authorization }) => authorization === 'Bearer secret-of-the-job')).toBe(true);
});

test('actions are pinned by digest, commands contain nothing from outside, and what runs the commits has no token', () => {
  const { runs } = parse(readFileSync(join(ACTION, 'action.yml'), 'utf8')) as {
    runs: { steps: { uses?: string; run?: string; env?: Record<string, string> }[] };
  };
  for (const { uses, run, env } of runs.steps) {
    if (uses !== undefined) expect(uses).toMatch(/@[0-9a-f]{40}$/);
    expect(run ?? '').not.toContain('${{');
    if (run?.includes('compare.mjs') === true) expect(JSON.stringify(env)).not.toContain('token');
  }
  const { jobs } = parse(readFileSync(join(ACTION, 'example.yml'), 'utf8')) as {
    jobs: { compare: { steps: { uses: string; with: Record<string, string> }[] } };
  };
  const [checkout, compare] = jobs.compare.steps;
  expect(checkout?.uses).toMatch(/@[0-9a-f]{40}$/);
  const { inputs } = parse(readFileSync(join(ACTION, 'action.yml'), 'utf8')) as {
    inputs: Record<string, unknown>;
  };
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(compare!.with)));
});
