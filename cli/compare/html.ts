import { escapeText, page, pagePart } from '../page.ts';
import { shown } from '../shown.ts';
import type { Source } from '../source/index.ts';
import type { BuildReader } from './figures.ts';
import { type PageData, pageData } from './page-data.ts';
import type { CompareReport } from './report.ts';
import { samplingText } from './sampling.ts';

/**
 * A comparison as a page that needs nothing beside it: the functions with their figures, and of each its WebAssembly between what two of
 * the configurations made of it, in step. The page unpacks the code of what is looked at, so it opens quickly however large the module is.
 *
 * @param readers of the report's configurations, in their order
 * @param source that the module was compiled from, where it is known
 */
export function writeHtml(
  report: CompareReport,
  readers: readonly BuildReader[],
  source: Source | undefined,
): string {
  const title = shown(report.module.name);
  const { figures, code } = pageData(report, readers, source);
  return page({
    title: `${title}: what it becomes`,
    css: pagePart('compare/page', 'page.css'),
    js: pagePart('compare/page', 'list.js') + pagePart('compare/page', 'page.js'),
    body: bodyOf(title, report, figures),
    data: { figures, code },
  });
}

/** What rows may be as warm as; the first is what the page begins with. */
function heats(run: string | null, sampled: boolean): string {
  if (run === null) return '';
  const samples = sampled ? '<option value="samples">samples</option>' : '';
  return `<option value="executed" selected>executed</option>${samples}`;
}

/** What the left pane shows. */
const views =
  '<select id="view" aria-label="Left pane"><option value="wasm">WebAssembly</option><option value="source">Source</option></select>';

function bodyOf(title: string, { run, module, sampling }: CompareReport, { source }: PageData): string {
  return `<header>
<h1>${escapeText(title)}</h1>
<p>${module.bytes.toLocaleString('en-US')} bytes of WebAssembly${run === null ? '' : `, running <code>${escapeText(shown(run))}</code>`}${sampling === null ? '' : `, sampled ${samplingText(sampling)}`}</p>
</header>
<div id="columns">
<nav aria-label="Functions">
<div class="tools">
<input id="search" type="search" placeholder="Search functions ( / )" aria-label="Search functions">
<label>Figure <select id="figure"></select></label>
</div>
<div id="heads" role="group" aria-label="Sort"></div>
<div id="functions" class="list" tabindex="0" role="group" aria-label="Functions: arrow keys choose, Enter goes to the code"><div class="rows"></div></div>
<output id="matched"></output>
</nav>
<main>
<div class="tools">
<h2 id="name"></h2>
<label><input id="together" type="checkbox" checked> Scroll together</label>
<label${run === null ? ' hidden' : ''}>Heat <select id="heat"><option value="off">off</option>${heats(run, sampling !== null)}</select></label>
<span id="legend"><b class="mark" data-mark="P">P</b> publishes <b class="mark" data-mark="S">S</b> spill <b class="mark" data-mark="R">R</b> reload <b class="mark" data-mark="B">B</b> bounds check <b class="mark" data-mark="T">T</b> may trap, <i>inlined</i></span>
</div>
<div class="scroll"><table id="summary"><thead></thead><tbody></tbody></table></div>
<div id="panes">
<section><h3>${source === 'none' ? '<span id="view">WebAssembly</span>' : views}</h3><div id="wasm" class="list code" tabindex="0" role="group" aria-label="WebAssembly or source"><div class="rows"></div></div></section>
<section><h3><select id="choice0" aria-label="First configuration"></select></h3><div id="code0" class="list code" tabindex="0" role="group"><div class="rows"></div></div></section>
<section><h3><select id="choice1" aria-label="Second configuration"></select></h3><div id="code1" class="list code" tabindex="0" role="group"><div class="rows"></div></div></section>
</div>
<output id="details" aria-live="polite"></output>
</main>
</div>`;
}
