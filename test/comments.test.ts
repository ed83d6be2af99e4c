import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasWrappedComments, unwrappedComments } from '../scripts/wrap-comments.js';
import { trackedFiles } from './support/size.js';

const root = join(import.meta.dirname, '..');

test('comments are wrapped at 110 columns (npm run format)', () => {
  const found = trackedFiles(root)
    .filter(hasWrappedComments)
    .flatMap((file) => unwrappedComments(file, readFileSync(join(root, file), 'utf8')));
  expect(found).toEqual([]);
}, 120_000);
