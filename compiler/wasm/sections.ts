import type { ExternalKind } from './module.ts';

/** Section codes of the binary format (WebAssembly core specification, 5.5.2; `tag`: exception handling). */
export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** Sections in the order that the format prescribes; custom ones may be anywhere. Data count stands before code, tags before globals. */
export const sectionOrder: readonly number[] = [
  Section.type,
  Section.import,
  Section.function,
  Section.table,
  Section.memory,
  Section.tag,
  Section.global,
  Section.export,
  Section.start,
  Section.element,
  Section.dataCount,
  Section.code,
  Section.data,
];

/** What imports and exports are, by their codes (5.5.5, 5.5.10). */
export const externalKinds: readonly ExternalKind[] = ['function', 'table', 'memory', 'global'];
