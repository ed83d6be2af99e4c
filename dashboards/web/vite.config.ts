import { join } from 'node:path';
import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

/** Builds the report page into one file without data; cli/output/html.ts puts data into a copy of it. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [viteSingleFile({ removeViteModuleLoader: true, outputFileName: 'report.html' })],
  build: {
    outDir: join(import.meta.dirname, '../../dist/dashboards/web'),
    emptyOutDir: true,
    target: 'es2022',
    rollupOptions: {
      // The core only declares: what the page does not use of it (the record's schema, zod) stays out.
      treeshake: { moduleSideEffects: (id) => !id.startsWith(join(import.meta.dirname, '../../core')) },
    },
  },
});
