import type { Command } from 'commander';

export function registerEngines(program: Command): void {
  const engines = program
    .command('engines')
    .description('list the engines that can run models here, build a faster backend');
  engines
    .command('list', { isDefault: true })
    .description('list engines, their releases and backends')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { listEngines } = await import('./list.js');
      await listEngines(options);
    });
  engines
    .command('build')
    .description(
      'build a CPU backend from the source that ships with the engine, with your own compiler;\n' +
        'then `cpuBackend: native` is a value of the llama-cpp runner',
    )
    .action(async () => {
      const { buildEngine } = await import('./build.js');
      await buildEngine();
    });
}
