import { escapeText, page, pagePart } from '../page.ts';
import { shown } from '../shown.ts';
import type { ProfileModel } from './model.ts';
import { pageData } from './page-data.ts';

/**
 * A profile as a page for browsers that needs nothing beside it: a flame graph, the functions, and the lines of each. What the
 * module's author named stands in it only as escaped text and JSON, and the page's policy lets no script run but its own.
 */
export function writeHtml(model: ProfileModel): string {
  const title = shown(model.title);
  return page({
    title,
    css: pagePart('profile/page', 'page.css'),
    js: pagePart('profile/page', 'page.js'),
    body: bodyOf(model, title),
    data: { profile: pageData(model) },
  });
}

function bodyOf(model: ProfileModel, title: string): string {
  const { profile } = model;
  const schedule = scheduleOf(profile.interval);
  return `<header>
<h1>${escapeText(title)}</h1>
<p>${profile.target}, scheme ${profile.scheme}: ${profile.samples.toLocaleString('en-US')} samples${schedule}; ${profile.attributed.toLocaleString('en-US')} read to the outermost frame (${share(profile.attributed, profile.samples)})</p>
${causes(model)}${profile.callsMerged ? `<p>${tooMany}</p>\n` : ''}</header>
<div class="tools">
<input id="search" type="search" placeholder="Search functions ( / )" aria-label="Search functions">
<button id="reset" type="button" disabled>Reset zoom</button>
<button id="flip" type="button" aria-pressed="false">Flip</button>
<output id="matched"></output>
</div>
<div id="graph" tabindex="0" role="group" aria-label="Flame graph: arrow keys move, Enter zooms, Escape shows all"><div id="rows"></div></div>
<output id="details" aria-live="polite"></output>
<h2>Functions</h2>
<div class="scroll"><table id="functions">
<thead><tr><th class="name" data-sort="name"><button type="button">Function</button></th><th colspan="2" data-sort="self"><button type="button">Self</button></th><th colspan="2" data-sort="total"><button type="button">Total</button></th></tr></thead>
<tbody></tbody>
</table></div>
<button id="more" type="button" hidden></button>
<h2>Lines of <span id="listing-title" class="name"></span></h2>
<p id="no-listing" hidden>This is no function of a module: it has no lines.</p>
<div class="scroll"><table id="listing">
<thead><tr><th><span>Offset</span></th><th colspan="2"><span>Self</span></th><th colspan="2"><span>Total</span></th><th class="text"><span>WebAssembly</span></th></tr></thead>
<tbody></tbody>
</table></div>`;
}

function scheduleOf(interval: number | undefined): string {
  if (interval === undefined) return '';
  return interval === 1
    ? ', at every instruction'
    : `, one in ${interval.toLocaleString('en-US')} instructions`;
}

const tooMany =
  'There were too many different stacks to keep where every call is: totals of lines leave out calls of the later ones.';

/** Why samples could not be attributed, and how many, from the outermost frames that stand for it. */
function causes({ functions, nodes, profile }: ProfileModel): string {
  const counts = new Map<string, number>();
  const outermost: string[] = [];
  nodes.forEach(({ caller, function: of, self }, k) => {
    outermost[k] = caller < 0 ? (of.kind === 'cause' ? of.name : '') : outermost[caller];
    for (const count of self.values()) counts.set(outermost[k], (counts.get(outermost[k]) ?? 0) + count);
  });
  const items = functions
    .filter(({ kind }) => kind === 'cause')
    .map(({ name }) => [name, counts.get(name) ?? 0] as const)
    .sort((a, b) => b[1] - a[1])
    .map(
      ([name, count]) =>
        `<li>not attributed, ${escapeText(name.slice(1, -1))}: ${count.toLocaleString('en-US')} (${share(count, profile.samples)})</li>`,
    );
  return items.length === 0 ? '' : `<ul id="causes">${items.join('')}</ul>\n`;
}

const share = (count: number, of: number): string => `${((100 * count) / Math.max(1, of)).toFixed(1)} %`;
