import { stringify } from 'yaml';

import { endpointsExport } from '../../../report/mlperf-endpoints.js';
import { say } from '../../output/print.js';
import { type FileExporter, intoFolder } from './index.js';

/** The folder of a submission to MLPerf Endpoints, as far as results tell. */
export const mlperfEndpoints: FileExporter = {
  unit: 'folder',
  place: 'a folder',
  write(report, path) {
    const { files, points, notes } = endpointsExport(report);
    for (const note of notes) say(note);
    intoFolder(path, 'Name a folder with --output.', (put) => {
      for (const [name, content] of files) put(name, textOf(name, content));
    });
    return Promise.resolve(`wrote ${points} ${points === 1 ? 'point' : 'points'} to ${path}`);
  },
};

function textOf(name: string, content: unknown): string {
  if (typeof content === 'string') return content;
  return name.endsWith('.yaml') ? stringify(content) : `${JSON.stringify(content, null, 2)}\n`;
}
