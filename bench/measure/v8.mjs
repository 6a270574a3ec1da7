// Calls a module's `run` on V8 and prints what kernels/driver.c prints: node [FLAGS] v8.mjs FILE N REPEATS. Before that one line with the
// seconds that compiling took, and the most memory held by then in bytes. With `fresh` behind, each call has an instance of its own.
import { readFileSync } from 'node:fs';

const [file, n, repeats, fresh] = process.argv.slice(2);
const bytes = readFileSync(file);
const started = process.hrtime.bigint();
const module = new WebAssembly.Module(bytes);
const compiled = process.hrtime.bigint();
console.log(`compiled ${Number(compiled - started) / 1e9} ${process.resourceUsage().maxRSS * 1024}`);

const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  imports[from] ??= {};
  imports[from][name] = () => {
    throw new Error(`${from}.${name} is _start's`);
  };
}
const make = () => new WebAssembly.Instance(module, imports).exports;
let exports = make();
for (let left = Number(repeats); left > 0; left--) {
  const begin = process.hrtime.bigint();
  const checksum = exports.run(Number(n)) >>> 0;
  const end = process.hrtime.bigint();
  console.log(`${checksum.toString(16)} ${(end - begin).toString(16)}`);
  if (fresh !== undefined) exports = make();
}
