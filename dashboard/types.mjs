// Whether the page's types fit together: `types.mjs PACKAGES`. The packages stand outside the tree, so the compiler is told where.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = path.resolve(process.argv[2], 'node_modules');
const here = path.dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(path.join(os.tmpdir(), 'tidings-types-'));
writeFileSync(path.join(scratch, 'tsconfig.json'), JSON.stringify({
  extends: path.join(here, 'tsconfig.json'),
  compilerOptions: {
    baseUrl: modules,
    paths: { '*': ['*'], 'preact/jsx-runtime': ['preact/jsx-runtime'], 'preact/hooks': ['preact/hooks'] },
    typeRoots: [],
  },
  include: [path.join(here, 'src')],
}));
const done = spawnSync(process.execPath, [path.join(modules, 'typescript/bin/tsc'), '-p', scratch], { stdio: 'inherit' });
rmSync(scratch, { recursive: true, force: true });
process.exit(done.status ?? 1);
