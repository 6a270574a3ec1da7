import { defineConfig } from 'vitest/config';

// All defaults; without a file here vitest would take the one of the folders around.
export default defineConfig({});
