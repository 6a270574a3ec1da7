import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder, as seen from this file and from its compiled form in `dist/`. */
const roots = ['../', '../../'];

/**
 * Where a file of the project is that no compiler takes along: kernels, C sources of peers, scripts.
 * @param path relative to the project's folder
 */
export function projectFile(path: string): string {
  const files = roots.map((root) => fileURLToPath(new URL(`${root}${path}`, import.meta.url)));
  return files.find((file) => existsSync(file)) ?? files[0];
}
