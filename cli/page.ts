import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What pages for browsers have in common that need nothing beside them: our reports. */

/**
 * A part of a page, a style sheet or a script, which stands beside the sources.
 * @param folder as seen from cli/, such as `profile/page`
 */
export function pagePart(folder: string, name: 'page.css' | 'page.js' | 'list.js'): string {
  // Seen from this file, and from its compiled form in `dist/`.
  const paths = ['./', '../../cli/'].map((root) =>
    fileURLToPath(new URL(`${root}${folder}/${name}`, import.meta.url)),
  );
  return readFileSync(paths.find((path) => existsSync(path)) ?? paths[0], 'utf8');
}

/** What a page is made of. */
export interface PageParts {
  /** As text. */
  readonly title: string;
  readonly css: string;
  readonly js: string;
  /** Markup of the body. What others named must stand in it only as {@link escapeText} has it. */
  readonly body: string;
  /** Data for the script, by the ids of the elements that hold them as JSON. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A whole page. Its policy lets no script run but its own, and lets it fetch nothing. */
export function page({ title, css, js, body, data }: PageParts): string {
  const elements = Object.entries(data).map(
    ([id, value]) => `<script type="application/json" id="${id}">${json(value)}</script>\n`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${digest(css)}'; script-src '${digest(js)}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${css}</style>
</head>
<body>
${body}
${elements.join('')}<script>${js}</script>
</body>
</html>
`;
}

/** How a Content Security Policy names what stands between the tags (CSP 3, §6.7.3.3). */
const digest = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;

/** Text as markup. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** JSON that no script element ends in: that takes a `<`. */
const json = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');
