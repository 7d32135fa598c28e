// Builds the page: `build.mjs PACKAGES OUT`. OUT/page/ is what a browser loads, OUT/page_files.cpp the same, compressed, for the CLI
// (page_files.hpp). The same sources give the same bytes.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const [packages, out] = process.argv.slice(2).map(folder => path.resolve(folder));
if (!out) {
  console.error('usage: build.mjs PACKAGES OUT');
  process.exit(2);
}
const here = path.dirname(fileURLToPath(import.meta.url));
const { buildSync } = createRequire(path.join(packages, 'package.json'))('esbuild');
const built = buildSync({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx', style: 'src/style/all.css' },
  bundle: true,
  write: false,
  outdir: out,
  minify: true,
  format: 'esm',
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  nodePaths: [path.join(packages, 'node_modules')],
  legalComments: 'none',
  logLevel: 'warning',
});

const sum = bytes => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const files = [];
/// A file whose name has its checksum may be kept for ever.
function add(name, type, bytes, forever) {
  files.push({ name, type, bytes: Buffer.from(bytes), forever, etag: `"${sum(bytes)}"` });
}
const named = {};
for (const file of built.outputFiles) {
  const extension = path.extname(file.path);
  const name = path.basename(file.path, extension);
  named[name] = `${name}.${sum(file.contents)}${extension}`;
  add(named[name], extension === '.js' ? 'text/javascript; charset=utf-8' : 'text/css; charset=utf-8', file.contents, true);
}
const html = readFileSync(path.join(here, 'src/index.html'), 'utf8').replace('app.js', named.app).replace('style.css', named.style);
add('index.html', 'text/html; charset=utf-8', html, false);
add('icon.svg', 'image/svg+xml', readFileSync(path.join(here, 'src/icon.svg')), false);
// What the licences of the packages in it ask for.
const inside = ['preact', '@preact/signals', '@preact/signals-core', 'uplot', '@dagrejs/dagre', '@dagrejs/graphlib'];
add('licences.txt', 'text/plain; charset=utf-8', inside.map(name => {
  const { version } = JSON.parse(readFileSync(path.join(packages, 'node_modules', name, 'package.json'), 'utf8'));
  return `${name} ${version}\n\n${readFileSync(path.join(packages, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`;
}).join('\n----\n\n'), false);

const asked = file => (file.name === 'index.html' ? '/' : `/${file.name}`);
files.sort((a, b) => (asked(a) < asked(b) ? -1 : 1));
rmSync(path.join(out, 'page'), { recursive: true, force: true });
mkdirSync(path.join(out, 'page'), { recursive: true });
let all = 0;
let source = '#include "dashboard/page_files.hpp"\n\nnamespace tidings::dashboard {\nnamespace {\n';
const rows = [];
files.forEach((file, number) => {
  writeFileSync(path.join(out, 'page', file.name), file.bytes);
  const packed = gzipSync(file.bytes, { level: 9 });
  packed[9] = 255;  // the system that packed it: none
  all += packed.length;
  source += `constexpr unsigned char file_${number}[] = {${packed.join(',')}};\n`;
  rows.push(`    {"${asked(file)}", "${file.type}", ${JSON.stringify(file.etag)}, ${file.forever}, file_${number}},\n`);
});
source += `constexpr PageFile files[] = {\n${rows.join('')}};\n}  // namespace\nstd::span<const PageFile> page_files() { return files; }\n}  // namespace tidings::dashboard\n`;
writeFileSync(path.join(out, 'page_files.cpp'), source);
writeFileSync(path.join(out, 'page', 'size'), `${all}\n`);
