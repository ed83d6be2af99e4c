// One run of a graph, which the bench kills: `kill-child.ts GRAPH FOLDER MODEL`. Prints the record when it
// comes to its end.
import { inProcess } from './engines.js';
import { run } from './run.js';

const [path = '', folder = '', model = ''] = process.argv.slice(2);
const record = await inProcess(model, 1).use((open) =>
  run(
    open,
    path,
    { promptsAs: 'text', answersToLength: true, applications: 6, warmups: 0 },
    { folder, journal: 'killed' },
  ),
);
console.log(JSON.stringify(record));
