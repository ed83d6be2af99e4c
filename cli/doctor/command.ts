import type { Command } from 'commander';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what this node has, what is missing, and how to get it')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { doctor } = await import('./doctor.js');
      process.exitCode = await doctor(options);
    });
}
