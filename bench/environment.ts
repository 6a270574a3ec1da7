import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import type { Environment } from './model.ts';
import { projectFile } from './places.ts';

/** This machine, now. @param compilers versions of peers, by their names */
export function environment(compilers: Readonly<Record<string, string>>): Environment {
  const processors = cpus();
  const own = JSON.parse(readFileSync(projectFile('package.json'), 'utf8')) as { version: string };
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: processors[0]?.model ?? process.arch,
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    versions: { Fathom: own.version, Node: process.versions.node, V8: process.versions.v8, ...compilers },
  };
}
