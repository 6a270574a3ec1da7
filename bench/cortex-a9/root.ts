import { fileURLToPath } from 'node:url';

/** The project's folder, from the sources and from their compiled form in `dist/` alike. */
export const root = fileURLToPath(
  new URL(import.meta.url.includes('/dist/bench/') ? '../../..' : '../..', import.meta.url),
);
