import { type Command, Option } from 'commander';

export interface GraphCommandOptions {
  readonly check?: string;
  readonly settings?: string;
  readonly calls?: true;
  readonly application?: string;
  readonly format: 'table' | 'jsonl' | 'json';
  readonly output?: string;
}

export function registerGraph(program: Command): void {
  program
    .command('graph')
    .description(
      'applications of request graphs: nodes with their time, tokens and energy, the critical path, and every call; or what is wrong with a graph file',
    )
    .argument(
      '[run]',
      'folder of `ridge run`, or a results.jsonl; run#3 or run#execution=graph chooses rows (default: the newest folder in ridge-out)',
    )
    .option('--check <file>', 'read this graph file and say what its nodes wait for')
    .option('--settings <pairs>', 'with --check: settings in place of its own, such as chunk=512,out=50')
    .option('--calls', 'every call in place of sums by node')
    .option('--application <item>', 'calls of this item')
    .addOption(
      new Option('-f, --format <format>', 'how to print; jsonl has calls as they are kept')
        .choices(['table', 'jsonl', 'json'])
        .default('table'),
    )
    .option('-o, --output <file>', 'with jsonl: write to this file instead of stdout')
    .action(async (run: string | undefined, options: GraphCommandOptions) => {
      const { printGraph } = await import('./graph.js');
      await printGraph(run ?? '', options);
    });
}
