#!/usr/bin/env node
// Writes the comment of compare.mjs under a pull request, or over the one that it wrote before. It runs
// nothing of the commits.
import { readFileSync } from 'node:fs';

const MARK = '<!-- ridgepoint compare -->';
/** What GitHub takes. */
const MOST_CHARACTERS = 65_000;

const { COMMENT_FILE, COMMENT_TOKEN, COMMENT_NUMBER, GITHUB_API_URL, GITHUB_REPOSITORY } = process.env;
if (!/^\d+$/.test(COMMENT_NUMBER ?? '')) throw new Error('COMMENT_NUMBER is the number of a pull request');
const repository = `${GITHUB_API_URL ?? 'https://api.github.com'}/repos/${GITHUB_REPOSITORY}`;

async function ask(method, path, content) {
  const answer = await fetch(`${repository}/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${COMMENT_TOKEN}`,
      accept: 'application/vnd.github+json',
      'content-type': 'application/json',
    },
    ...(content !== undefined && { body: JSON.stringify(content) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path} is answered with ${answer.status}`);
  return await answer.json();
}

const body = `${MARK}\n${readFileSync(COMMENT_FILE, 'utf8').slice(0, MOST_CHARACTERS)}`;
const earlier = await ask('GET', `issues/${COMMENT_NUMBER}/comments?per_page=100`);
const own = earlier.find((comment) => comment.body?.startsWith(MARK));
if (own === undefined) await ask('POST', `issues/${COMMENT_NUMBER}/comments`, { body });
else await ask('PATCH', `issues/comments/${own.id}`, { body });
