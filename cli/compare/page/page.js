/**
 * The page of a comparison: functions on the left; of the chosen one its WebAssembly, or the source that it was compiled from, and the
 * code of two configurations, in step. What belongs together has one line: that of the left pane. Its
 * data (../page-data.ts) stands in the page as JSON: figures, and the code of each function, packed, which is unpacked when it is
 * looked at. Names come from modules that anyone can write, so all text goes through textContent, never through markup.
 */
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { columns, configurations, functions, run, source, sampled } = read('figures');
  const packed = read('code');
  const byId = (id) => document.getElementById(id);
  const number = (value) => (value === null || value === undefined ? '-' : value.toLocaleString('en-US'));
  const hex = (value) => value.toString(16);

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // ---- Functions

  const shown = [0, Math.min(1, configurations.length - 1)];
  let figure = Math.max(
    0,
    columns.findIndex(({ key }) => key === (run === null ? 'code' : 'executed')),
  );
  let sortedBy = 'first';
  let upwards = false;
  let listed = [];
  let chosen = -1;

  const figureOf = (id, which) => functions[id].figures[shown[which]]?.[figure] ?? null;
  const ratioOf = (id) => {
    const [first, second] = [figureOf(id, 0), figureOf(id, 1)];
    return first && second !== null ? second / first : null;
  };
  const sorts = {
    name: (id) => functions[id].name,
    first: (id) => figureOf(id, 0) ?? -1,
    second: (id) => figureOf(id, 1) ?? -1,
    ratio: (id) => ratioOf(id) ?? -1,
  };

  const list = new List(byId('functions'), (index) => {
    const id = listed[index];
    const { name, kind } = functions[id];
    const row = element('div', id === chosen ? 'row chosen' : 'row');
    const label = element('span', kind === 'wasm' ? '' : 'aside', name);
    label.title = name;
    const ratio = ratioOf(id);
    row.append(
      label,
      element('span', '', number(figureOf(id, 0))),
      element('span', '', number(figureOf(id, 1))),
      element('span', 'aside', ratio === null ? '' : `× ${ratio.toFixed(2)}`),
    );
    return row;
  });

  function fillFunctions() {
    const wanted = byId('search').value.toLowerCase();
    const of = sorts[sortedBy];
    listed = functions
      .map((_, id) => id)
      .filter((id) => wanted === '' || functions[id].name.toLowerCase().includes(wanted));
    const keys = functions.map((_, id) => of(id));
    const sign = upwards ? 1 : -1;
    listed.sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b));
    byId('matched').textContent =
      wanted === ''
        ? `${number(listed.length)} functions`
        : `${number(listed.length)} of ${number(functions.length)} functions`;
    list.fill(listed.length);
    fillHeads();
  }

  function fillHeads() {
    const titles = {
      name: 'Function',
      first: configurations[shown[0]].name,
      second: configurations[shown[1]].name,
      ratio: 'ratio',
    };
    byId('heads').replaceChildren(
      ...Object.entries(titles).map(([key, title]) => {
        const button = element('button', '', title);
        button.type = 'button';
        button.dataset.sort = key;
        button.title = key === 'ratio' ? `${titles.second} by ${titles.first}` : title;
        button.setAttribute('aria-pressed', String(key === sortedBy));
        button.dataset.up = String(key === sortedBy && upwards);
        return button;
      }),
    );
  }

  byId('heads').addEventListener('click', (event) => {
    const by = event.target.closest('button')?.dataset.sort;
    if (by === undefined) return;
    upwards = by === sortedBy ? !upwards : by === 'name';
    sortedBy = by;
    fillFunctions();
  });
  byId('search').addEventListener('input', () => {
    list.box.scrollTop = 0;
    fillFunctions();
  });
  byId('figure').append(
    ...columns.map(({ description }, index) => {
      const option = element('option', '', description);
      option.value = String(index);
      return option;
    }),
  );
  byId('figure').value = String(figure);
  byId('figure').addEventListener('change', () => {
    figure = Number(byId('figure').value);
    fillFunctions();
  });
  list.box.addEventListener('click', (event) => {
    const index = list.rowAt(event);
    if (index >= 0) open(listed[index]);
  });

  // ---- The function that is looked at

  /** Unpacked: wasm lines, and per pane what its configuration has; see FunctionCode. */
  let code = null;
  /** Per pane: rows as lists, or null. */
  let lists = [null, null];
  /** The left pane: WebAssembly, or rows of source. */
  let left = { texts: [], linked: [] };
  /** What the left pane shows where it can: not every function has source. */
  let view = source === 'text' ? 'source' : 'wasm';
  const ofSource = () => view === 'source' && code !== null && code.source !== null;
  /** The line under the pointer, and the one that was chosen; -1 for none. */
  let lit = -1;
  let fixed = -1;
  /** Where the keys are. */
  let cursor = { pane: -1, row: -1 };

  async function unpack(id) {
    const bytes = Uint8Array.from(atob(packed[id]), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    return JSON.parse(await new Response(stream).text());
  }

  const invitation = 'Choose an operator or an instruction to see what belongs to it.';

  async function open(id, line = -1) {
    chosen = id;
    const unpacked = await unpack(id);
    if (chosen !== id) return;
    code = unpacked;
    lit = -1;
    fixed = line;
    cursor = { pane: -1, row: -1 };
    const { name, kind, index } = functions[id];
    byId('name').textContent = name;
    byId('name').title = kind === 'wasm' ? `${name}, function ${index}` : name;
    history.replaceState(null, '', `#${encodeURIComponent(name)}`);
    prepare();
    fillSummary();
    for (const pane of panes) {
      pane.box.scrollTop = 0;
      pane.box.scrollLeft = 0;
    }
    fillPanes();
    toStart();
    list.draw();
    const at = listed.indexOf(id);
    if (at >= 0) list.show(at);
    if (line >= 0) follow(line, null);
    byId('details').textContent = invitation;
    document.documentElement.dataset.open = name;
  }

  /** Lists of the two configurations, and what they make of each line. */
  function prepare() {
    const texts = linesOf(ofSource() ? code.source.text : code.text);
    lists = shown.map((configuration) => {
      const of = code.code[configuration];
      if (of === null) return null;
      const starts = [];
      let at = of.start;
      for (const size of of.sizes) {
        starts.push(at);
        at += size;
      }
      const first = new Int32Array(Math.max(1, texts.length)).fill(-1);
      const sum = new Float64Array(first.length);
      const sampledOf = new Float64Array(first.length);
      const samples = of.samples === null ? null : of.sizes.map((_, row) => of.samples[row] ?? 0);
      const counts = heat() === 'samples' ? samples : of.executed;
      const lines = ofSource()
        ? of.lines.map((line, row) => sourceRow(of, configuration, line, row))
        : of.lines;
      lines.forEach((line, row) => {
        if (line < 0) return;
        if (first[line] < 0) first[line] = row;
        sum[line] += of.executed?.[row] ?? 0;
        sampledOf[line] += samples?.[row] ?? 0;
      });
      return {
        ...of,
        lines,
        starts,
        texts: linesOf(of.text),
        first,
        sum,
        sampled: sampledOf,
        counts,
        countsOfLine: heat() === 'samples' ? sampledOf : sum,
        most: Math.max(1, ...chunkedMax(counts ?? [])),
        mostOfLine: Math.max(1, ...chunkedMax(heat() === 'samples' ? sampledOf : sum)),
      };
    });
    left = {
      texts,
      linked: texts.map((_, line) => lists.some((each) => each !== null && each.first[line] >= 0)),
    };
  }

  const linesOf = (text) => (text === '' ? [] : text.split('\n'));

  /** Row of the source that an instruction comes from, or -1: of an inlined body its own line, not that of the call. */
  function sourceRow(of, configuration, line, row) {
    const { rows, origins } = code.source;
    const origin = of.origin[row] ?? -1;
    return (origin < 0 ? rows[line] : origins[configuration][origin]) ?? -1;
  }

  /** Maxima of parts: a spread of tens of thousands of arguments is too much. */
  function chunkedMax(values) {
    const found = [0];
    for (let k = 0; k < values.length; k += 4096) found.push(Math.max(...values.slice(k, k + 4096)));
    return found;
  }

  function fillSummary() {
    const row = (name, className, values) => {
      const made = element('tr', className);
      made.append(element('td', '', name), ...values.map((value) => element('td', '', number(value))));
      return made;
    };
    const head = element('tr');
    head.append(element('th', '', ''));
    for (const { title, description } of columns) {
      const cell = element('th', '', title);
      cell.title = description;
      head.append(cell);
    }
    const summary = byId('summary');
    const which = [...new Set(shown)];
    const none = columns.map(() => null);
    summary.tHead.replaceChildren(head);
    summary.tBodies[0].replaceChildren(
      ...which.map((each) => row(configurations[each].name, '', functions[chosen].figures[each] ?? none)),
      ...which.map((each) => row(`all of ${configurations[each].name}`, 'all', configurations[each].total)),
    );
  }

  // ---- Panes

  /** What rows are as warm as: `off`, `executed` or `samples`. */
  const heat = () => byId('heat').value;
  const hot = () => heat() !== 'off';
  /** The heat that was last turned off. */
  let before = 'executed';
  /** Half as warm is a quarter as often: what is rare still shows. */
  const warmth = (count, most) => (count === 0 ? 0 : 0.08 + 0.72 * Math.sqrt(count / most)).toFixed(3);

  /** Three digits are enough where there is little room. */
  const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

  function count(value, most, brief = false) {
    const cell = element('span', 'count', value === 0 ? '' : brief ? short.format(value) : number(value));
    if (brief && value > 0)
      cell.title = `${number(value)} ${heat() === 'samples' ? 'samples' : 'instructions executed'}`;
    cell.style.setProperty('--warmth', warmth(value, most));
    return cell;
  }

  /** What has no line is like nothing else. */
  const isLine = (line, other) => line >= 0 && line === other;

  function lineRow(line, linked) {
    const row = element('div', 'row');
    if (linked && line >= 0) {
      row.classList.add('linked');
      row.style.setProperty('--hue', String((line * 137) % 360));
    }
    row.dataset.line = String(line);
    row.classList.toggle('fixed', isLine(line, fixed));
    row.classList.toggle('lit', isLine(line, lit) && lit !== fixed);
    return row;
  }

  /** Depth of the outermost line in sight: switches are hundreds of blocks deep, and indented from there. */
  let shallowest = 0;

  function indentFrom(first, last) {
    const depths = code?.depths.slice(first, last) ?? [];
    shallowest = depths.length === 0 ? 0 : Math.max(0, Math.min(...depths) - 1);
  }

  function leftRow(line) {
    const row = lineRow(line, left.linked[line]);
    const number = ofSource() ? code.source.numbers[line] : -1;
    if (ofSource() && number <= 0) {
      row.classList.add(number === 0 ? 'file' : 'gap');
      row.append(element('span', 'text', number === 0 ? left.texts[line] : '⋯'));
      return row;
    }
    // Lines that became nothing here.
    if (ofSource() && !left.linked[line]) row.classList.add('silent');
    row.append(element('span', 'offset', ofSource() ? String(number) : hex(code.offsets[line])));
    if (hot()) {
      for (const each of lists)
        row.append(
          each === null ? element('span', 'count') : count(each.countsOfLine[line], each.mostOfLine, true),
        );
      if (left.linked[line] && lists.every((each) => each === null || each.sum[line] === 0))
        row.classList.add('never');
    }
    const indent = ofSource() ? '' : '  '.repeat(Math.max(0, Math.min(code.depths[line] - shallowest, 30)));
    row.append(element('span', 'text', indent + left.texts[line]));
    return row;
  }

  /** The inlined function, and the operator in it, that an instruction comes from; undefined for the function's own. */
  const originOf = (each, index) => each.origins[each.origin[index]];

  const codeRow = (which) => (index) => {
    const each = lists[which];
    const row = lineRow(each.lines[index], left.texts.length > 0);
    row.append(element('span', 'offset', hex(each.starts[index])));
    if (hot()) {
      row.append(count(each.counts[index], each.most));
      if (each.executed[index] === 0) row.classList.add('never');
    }
    const trap = each.traps[index];
    const mark = each.marks[index] !== ' ' ? each.marks[index] : trap === undefined ? '' : 'T';
    const cell = element('span', 'mark', mark);
    cell.dataset.mark = mark;
    if (originOf(each, index) !== undefined) row.classList.add('inlined');
    if (trap !== undefined) cell.title = trap;
    row.dataset.mark = mark;
    row.append(cell, element('span', 'text', each.texts[index]));
    return row;
  };

  const panes = [
    new List(byId('wasm'), leftRow, indentFrom),
    new List(byId('code0'), codeRow(0)),
    new List(byId('code1'), codeRow(1)),
  ];
  /** Line of a pane's row. */
  const lineAt = (pane, row) => (pane === 0 ? row : (lists[pane - 1]?.lines[row] ?? -1));
  /** First row of a line in a pane, or -1. */
  const rowOf = (pane, line) => (pane === 0 ? line : (lists[pane - 1]?.first[line] ?? -1));

  function fillPanes() {
    for (const { box } of panes) box.classList.toggle('cold', !hot());
    fillView();
    panes.forEach((pane, which) => {
      const length = which === 0 ? left.texts.length : (lists[which - 1]?.texts.length ?? 0);
      pane.fill(length);
      if (length === 0)
        pane.rows.replaceChildren(
          element(
            'div',
            'empty',
            which === 0 ? 'The compiler’s own: no function of the module.' : 'Not in this configuration.',
          ),
        );
    });
  }

  /** Says what the left pane shows: functions without source show their WebAssembly whatever was chosen. */
  function fillView() {
    byId('panes').classList.toggle('wide', ofSource());
    if (source === 'none') return;
    byId('view').value = ofSource() ? 'source' : 'wasm';
    byId('view').disabled = code.source === null;
    byId('view').title =
      code.source === null ? 'No source lines are known of this function.' : 'WebAssembly or source ( s )';
  }

  /** Brings the function's first line into sight: above it there may be others, whose bodies the compiler inlined. */
  function toStart() {
    const row = ofSource() ? code.source.rows.find((each) => each >= 0) : undefined;
    if (row !== undefined) panes[0].show(row, 0.1);
  }

  /** Shows the other; what was chosen stays so. */
  function show(wanted) {
    const { rows } = code.source;
    const line = wanted === view ? fixed : wanted === 'source' ? (rows[fixed] ?? -1) : rows.indexOf(fixed);
    view = wanted;
    fixed = line;
    lit = -1;
    cursor = { pane: -1, row: -1 };
    prepare();
    panes[0].box.scrollTop = 0;
    fillPanes();
    toStart();
    if (fixed >= 0) follow(fixed, null);
    if (fixed >= 0) describe(fixed, 0, -1);
    else byId('details').textContent = invitation;
  }

  function repaint() {
    for (const pane of panes)
      for (const row of pane.rows.children) {
        const line = Number(row.dataset.line);
        row.classList.toggle('fixed', isLine(line, fixed));
        row.classList.toggle('lit', isLine(line, lit) && lit !== fixed);
      }
  }

  /** Where a line of the left pane is. */
  function placeOf(line) {
    if (line < 0) return 'no source line';
    const { source: known, offsets } = code;
    if (ofSource() && known.numbers[line] <= 0) return fileOf(line);
    if (ofSource()) return `${fileOf(line)}:${known.numbers[line]} ${left.texts[line].trim()}`;
    if (line === 0) return 'Entry and exit of the function';
    const row = known?.rows[line] ?? -1;
    const column = known?.columns[line] ? `:${known.columns[line]}` : '';
    const from = row < 0 ? '' : ` (${fileOf(row)}:${known.numbers[row]}${column})`;
    return `0x${hex(offsets[line])} ${left.texts[line]}${from}`;
  }

  /** Name of the file that a row of source is of: the nearest head above. */
  function fileOf(row) {
    const { numbers, text } = code.source;
    return linesOf(text)[numbers.lastIndexOf(0, row)];
  }

  const plural = (value, what) => `${number(value)} ${what}${value === 1 ? '' : 's'}`;

  function describe(line, pane, row) {
    const parts = left.texts.length > 0 ? [placeOf(line)] : [];
    lists.forEach((each, which) => {
      if (each === null || line < 0) return;
      const rows = each.lines.reduce((sum, of) => sum + (of === line ? 1 : 0), 0);
      const executed = run === null ? '' : `, ${number(each.sum[line])} executed`;
      const samples = sampled ? `, ${plural(each.sampled[line], 'sample')}` : '';
      parts.push(`${configurations[shown[which]].name}: ${plural(rows, 'instruction')}${executed}${samples}`);
    });
    const each = pane > 0 ? lists[pane - 1] : null;
    if (each !== null && row >= 0) {
      const origin = originOf(each, row);
      if (origin !== undefined) parts.push(`inlined: ${origin}`);
      const names = { P: 'publishes the frame', S: 'spill', R: 'reload', B: 'bounds check' };
      const why = names[each.marks[row]];
      if (why !== undefined) parts.push(why);
      if (each.traps[row] !== undefined) parts.push(`may trap: ${each.traps[row]}`);
      if (each.taken?.[row])
        parts.push(`taken ${number(each.taken[row])} of ${number(each.executed[row])} times`);
    }
    byId('details').textContent = parts.join(' · ');
  }

  /** Brings what a line became into sight, in all panes but one. */
  function follow(line, but) {
    panes.forEach((pane, which) => {
      const row = rowOf(which, line);
      if (which === but || row < 0) return;
      quiet(pane);
      pane.show(row);
    });
  }

  function choose(pane, row) {
    const line = lineAt(pane, row);
    if (line < 0) return;
    fixed = line;
    lit = -1;
    cursor = { pane, row };
    repaint();
    describe(line, pane, row);
    follow(line, pane);
  }

  // ---- Scrolling together: what stands a third of the way down leads; the others bring what belongs to it to the same height.

  let leader = -1;
  const silenced = new Map();
  /** The next scrolling of a pane is our own. */
  const quiet = (pane) => silenced.set(pane, performance.now() + 120);

  function lead(which) {
    if (!byId('together').checked || which !== leader) return;
    const pane = panes[which];
    if ((silenced.get(pane) ?? 0) > performance.now()) return;
    const height = pane.box.clientHeight / 3;
    const from = Math.floor((pane.box.scrollTop + height) / rowHeight);
    panes.forEach((other, index) => {
      if (index === which) return;
      // The nearest line above that the other has, too; loops and cold code are elsewhere, so not too far above.
      for (let row = from; row >= 0 && row > from - 200; row--) {
        const line = lineAt(which, row);
        const to = line > 0 ? rowOf(index, line) : -1;
        if (to < 0) continue;
        other.box.scrollTop = to * rowHeight - height + ((from - row) * rowHeight) / 2;
        return;
      }
      if (from < 40) other.box.scrollTop = pane.box.scrollTop;
    });
  }

  panes.forEach((pane, which) => {
    const { box } = pane;
    for (const event of ['wheel', 'pointerdown', 'keydown', 'touchstart'])
      box.addEventListener(
        event,
        () => {
          leader = which;
          silenced.delete(pane);
        },
        { passive: true },
      );
    box.addEventListener('scroll', () => lead(which));
    box.addEventListener('mousemove', (event) => {
      const row = pane.rowAt(event);
      if (row < 0) return;
      const line = lineAt(which, row);
      describe(line, which, row);
      if (line === lit) return;
      lit = line;
      repaint();
    });
    box.addEventListener('mouseleave', () => {
      lit = -1;
      repaint();
    });
    box.addEventListener('click', (event) => {
      const row = pane.rowAt(event);
      if (row >= 0) choose(which, row);
    });
    box.addEventListener('keydown', (event) => {
      const page = Math.max(1, Math.floor(box.clientHeight / rowHeight) - 1);
      const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -1e9, End: 1e9 };
      const beside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (beside !== undefined) {
        event.preventDefault();
        const next = panes[which + beside];
        if (next === undefined) return;
        next.box.focus();
        const row = rowOf(which + beside, fixed);
        if (row >= 0) choose(which + beside, row);
        return;
      }
      const step = steps[event.key];
      if (step === undefined || pane.length === 0) return;
      event.preventDefault();
      const row = cursor.pane === which ? cursor.row + step : Math.max(0, rowOf(which, fixed));
      let to = Math.min(pane.length - 1, Math.max(0, row));
      // Of code that comes from no line of the source there is nothing to light.
      while (lineAt(which, to) < 0 && to > 0 && to < pane.length - 1) to += Math.sign(step);
      choose(which, to);
      pane.show(to, step < 0 ? 0.1 : 0.85);
    });
  });

  // ---- Keys, and what is shown

  function step(by) {
    const at = listed.indexOf(chosen);
    const next = listed[Math.min(listed.length - 1, Math.max(0, at + by))];
    if (next !== undefined && next !== chosen) open(next);
  }

  list.box.addEventListener('keydown', (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (by !== undefined) step(by);
    else if (event.key === 'Enter') panes[left.texts.length > 0 ? 0 : 1].box.focus();
    else return;
    event.preventDefault();
  });
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) {
      if (event.key === 'Escape' && event.target === byId('search')) list.box.focus();
      if (event.key === 'Enter' && event.target === byId('search') && listed.length > 0) {
        open(listed[0]);
        list.box.focus();
      }
      return;
    }
    const keys = {
      '/': () => byId('search').focus(),
      '[': () => step(-1),
      ']': () => step(1),
      s: () => code?.source && show(ofSource() ? 'wasm' : 'source'),
      h: () => run !== null && warm(hot() ? 'off' : before),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
  /** Chooses the heat. Functions may have to be counted anew. */
  function warm(wanted) {
    byId('heat').value = wanted;
    if (wanted !== 'off') before = wanted;
    prepare();
    fillPanes();
  }
  byId('heat').addEventListener('change', () => warm(heat()));
  if (source !== 'none') byId('view').addEventListener('change', () => show(byId('view').value));
  shown.forEach((_, which) => {
    const choice = byId(`choice${which}`);
    choice.append(
      ...configurations.map(({ name }, index) => {
        const option = element('option', '', name);
        option.value = String(index);
        return option;
      }),
    );
    choice.value = String(shown[which]);
    choice.addEventListener('change', () => {
      shown[which] = Number(choice.value);
      fillFunctions();
      prepare();
      fillSummary();
      fillPanes();
      if (fixed >= 0) follow(fixed, null);
    });
  });

  // ---- Start: the function that the address names, else the first of the list.

  fillFunctions();
  /** The function that the address names, or -1. */
  const addressed = () => {
    // Written by us, or by hand; cut off in the middle of a character it could not be decoded.
    const wanted = location.hash.slice(1);
    return functions.findIndex(({ name }) => name === wanted || encodeURIComponent(name) === wanted);
  };
  window.addEventListener('hashchange', () => {
    const id = addressed();
    if (id >= 0 && id !== chosen) open(id);
  });
  const found = addressed();
  const first = found >= 0 ? found : listed[0];
  const ready = () => {
    document.documentElement.dataset.ready = 'true';
  };
  if (first === undefined) ready();
  else open(first).then(ready);
})();
