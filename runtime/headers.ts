import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The C headers that objects need, by name (`runtime/include`). */
export const headerNames = ['fathom.h', 'fathom-posix.h'] as const;
export type HeaderName = (typeof headerNames)[number];

/** Where the headers stand, as seen from this file and from its compiled form in `dist/`. */
const folders = ['./include/', '../../runtime/include/'];

/** Text of a C header. */
export function headerText(name: HeaderName): string {
  const paths = folders.map((folder) => fileURLToPath(new URL(folder + name, import.meta.url)));
  const path = paths.find((each) => existsSync(each)) ?? paths[0];
  return readFileSync(path, 'utf8');
}
