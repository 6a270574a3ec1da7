import type { TargetName } from '../target.ts';
import type { FunctionType, ValueType } from '../wasm/module.ts';
import type { Image } from './image.ts';
import type { NamedFunction, ObjectPlan } from './object-plan.ts';

/** What C compilers say of the targets. */
const targetMacros: Readonly<Record<TargetName, string>> = {
  x86_64: 'defined(__x86_64__)',
  armv7: 'defined(__arm__) && defined(__ARM_PCS_VFP)',
};

const cTypes: Readonly<Record<ValueType, string>> = {
  i32: 'int32_t',
  i64: 'int64_t',
  f32: 'float',
  f64: 'double',
  v128: 'fathom_v128',
  funcref: 'fathom_ref',
  externref: 'fathom_ref',
};

/** The C header of an object: its instance type, its exports, and the imports that the program has to define. */
export function objectHeader(image: Image, plan: ObjectPlan): string {
  const guard = `${plan.prefix.toUpperCase()}_H_`;
  const sections = [
    banner(image, plan),
    `#ifndef ${guard}\n#define ${guard}\n\n#include "fathom.h"\n\n#if !(${targetMacros[image.target]})\n#error "this header is for ${image.target}"\n#endif\n\n#ifdef __cplusplus\nextern "C" {\n#endif`,
    instance(image, plan),
    imports(image, plan),
    exports(image, plan),
    instantiate(image, plan),
    `#ifdef __cplusplus\n}\n#endif\n\n#endif`,
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

const banner = (image: Image, { prefix }: ObjectPlan): string =>
  `/* Written by fathom compile --emit obj, for ${image.target}: what C sees of the module '${prefix}'. */`;

function instance({ module }: Image, { prefix, envBytes }: ObjectPlan): string {
  const own = module.memories.length - module.importedMemories;
  const members = [
    `  union {\n    fathom_env head;\n    uint64_t words[${envBytes / 8}];\n  } env __attribute__((aligned(16)));`,
    '  fathom_instance base;',
    ...(module.memories.length > 0
      ? [
          `  fathom_memory memories[${module.memories.length}];`,
          `  fathom_view views[${module.memories.length}];`,
        ]
      : []),
    ...(module.tables.length > 0 ? [`  fathom_table tables[${module.tables.length}];`] : []),
  ];
  const note = own === 0 ? '' : ' Its memories are reserved by the host.';
  return [
    `extern const fathom_module ${prefix}_module;`,
    `/* One instance.${note} Opaque, but for its size; it must stay where it is. */\ntypedef struct ${prefix}_instance {\n${members.join('\n')}\n} ${prefix}_instance;`,
  ].join('\n\n');
}

function imports(image: Image, plan: ObjectPlan): string {
  const { module } = image;
  const seen = new Set<string>();
  const functions = plan.functionImports.filter(({ symbol }) => !seen.has(symbol) && seen.add(symbol));
  const lines = [
    ...functions.map((f) => `${resultStruct(f)}${prototype(f, 'void *user')}; /* ${comment(f.label)} */`),
    ...plan.memoryImports.map(
      ({ symbol, entry }) =>
        `extern fathom_memory ${symbol}; /* ${comment(`${entry.module}.${entry.name}`)} */`,
    ),
    ...plan.globalImports.map(({ symbol, entry }) => {
      const { type, mutable } = module.globals[entry.index];
      return `extern ${mutable ? '' : 'const '}${cTypes[type]} ${symbol}; /* ${comment(`${entry.module}.${entry.name}`)} */`;
    }),
  ];
  if (lines.length === 0) return '';
  return `/* Imports: the program defines these. user: the pointer that ${plan.prefix}_instantiate got. */\n${lines.join('\n')}`;
}

function exports(image: Image, plan: ObjectPlan): string {
  const { module, env } = image;
  const self = `${plan.prefix}_instance *instance`;
  const lines = [
    ...plan.functions.map((f) => `${resultStruct(f)}${prototype(f, self)}; /* ${comment(f.label)} */`),
    ...plan.memories.map(
      ({ symbol, entry }) =>
        `static inline fathom_memory *${symbol}(${self}) { return instance->views[${entry.index}].memory; }`,
    ),
    ...plan.tables.map(
      ({ symbol, entry }) =>
        `static inline fathom_table *${symbol}(${self}) { return &instance->tables[${entry.index}]; }`,
    ),
    ...plan.globals.map(({ symbol, entry }) => {
      const { type, mutable } = module.globals[entry.index];
      const cell = `(char *)&instance->env + ${env.globals[entry.index]}`;
      const pointer = `${mutable ? '' : 'const '}${cTypes[type]} *`;
      const value =
        mutable && entry.index < module.importedGlobals ? `*(${pointer}*)(${cell})` : `(${pointer})(${cell})`;
      return `static inline ${pointer}${symbol}(${self}) { return ${value}; }`;
    }),
  ];
  return lines.length === 0 ? '' : `/* Exports. */\n${lines.join('\n')}`;
}

function instantiate({ module }: Image, { prefix }: ObjectPlan): string {
  const has = (count: number, member: string): string => (count > 0 ? `instance->${member}` : 'NULL');
  const memories = module.memories.length;
  return `/*
 * Makes an instance; its start function runs, and may trap. 0: made; fathom_instantiate says what else. What the host gave goes
 * back by ${prefix}_instance_free, also after a trap.
 */
static inline int ${prefix}_instantiate(${prefix}_instance *instance, const fathom_host *host, void *user) {
  instance->base.env = &instance->env.head;
  instance->base.memories = ${has(memories, 'memories')};
  instance->base.views = ${has(memories, 'views')};
  instance->base.tables = ${has(module.tables.length, 'tables')};
  return fathom_instantiate(&instance->base, &${prefix}_module, sizeof instance->env, host, user);
}

static inline void ${prefix}_instance_free(${prefix}_instance *instance) { fathom_free(&instance->base); }`;
}

function resultStruct({ resultStruct: name, type }: NamedFunction): string {
  if (name === undefined) return '';
  const members = type.results.map((each, k) => `  ${cTypes[each]} r${k};`).join('\n');
  return `typedef struct ${name} {\n${members}\n} ${name};\n`;
}

function prototype({ symbol, type, resultStruct: name }: NamedFunction, first: string): string {
  const { params, results }: FunctionType = type;
  const result = name !== undefined || results.length === 0 ? 'void ' : `${cTypes[results[0]]} `;
  const pointer = name === undefined ? [] : [`${name} *results`];
  const list = [first, ...pointer, ...params.map((each, k) => `${cTypes[each]} p${k}`)];
  return `${result}${symbol}(${list.join(', ')})`;
}

/** A name inside a comment: one line, and nothing that begins or ends a comment. */
const comment = (text: string): string => text.replace(/[^\x20-\x7e]|\*/g, '?');
