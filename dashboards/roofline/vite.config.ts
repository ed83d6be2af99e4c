import { join } from 'node:path';
import { defineConfig } from 'vite';

/**
 * Builds the drawing of charts, chart library included, into one module for Node.js:
 * cli/roofline/write-files.ts loads it.
 */
export default defineConfig({
  root: import.meta.dirname,
  ssr: { noExternal: true },
  build: {
    ssr: join(import.meta.dirname, 'svg.ts'),
    outDir: join(import.meta.dirname, '../../dist/dashboards/roofline'),
    emptyOutDir: true,
    target: 'node20',
    minify: true,
    rollupOptions: { output: { entryFileNames: 'svg.js' } },
  },
});
