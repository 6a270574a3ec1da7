/**
 * The page of a profile: flame graph, functions, and the lines of one of them. Its data (`PageData` in ../page-data.ts) stands in
 * the page as JSON. Names come from modules that anyone can write, so all text goes through textContent, never through markup.
 */
(() => {
  const data = JSON.parse(document.getElementById('profile').textContent);
  const { functions, modules, nodes, listings } = data;
  const count = nodes.caller.length;
  const rowHeight = 18;
  /** Functions shown at first; the rest on demand. */
  const firstRows = 500;
  /** Longer listings show what is near to samples alone. */
  const longListing = 3000;

  const byId = (id) => document.getElementById(id);
  const graph = byId('graph');
  const rows = byId('rows');
  const details = byId('details');
  const search = byId('search');

  const number = (value) => value.toLocaleString('en-US');
  const percent = (value, of = data.samples) => `${((100 * value) / Math.max(1, of)).toFixed(1)} %`;

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // ---- The tree of stacks: node 0 is all samples. Callers stand before their callees.

  const total = Float64Array.from(nodes.self);
  for (let node = count - 1; node > 0; node--) total[nodes.caller[node]] += total[node];
  const depth = new Int32Array(count);
  const callees = Array.from({ length: count }, () => []);
  for (let node = 1; node < count; node++) {
    depth[node] = depth[nodes.caller[node]] + 1;
    callees[nodes.caller[node]].push(node);
  }
  const nameOf = (node) => (node === 0 ? 'all' : functions[nodes.function[node]].name);
  /** Where each node begins, in samples from the left; and the nodes of each row from left to right. */
  const start = new Float64Array(count);
  const levels = [];
  {
    const open = [0];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (levels.length <= depth[node]) levels.push([]);
      levels[depth[node]].push(node);
      const below = callees[node];
      below.sort((a, b) => total[b] - total[a] || (nameOf(a) < nameOf(b) ? -1 : 1));
      let at = start[node];
      for (const callee of below) {
        start[callee] = at;
        at += total[callee];
      }
      for (let k = below.length - 1; k >= 0; k--) open.push(below[k]);
    }
  }

  // ---- State

  let zoomed = 0;
  let current = 0;
  let selected = -1;
  let matches = null;
  let upwards = false;
  let lowest = levels.length - 1;

  const hue = (text) => {
    let hash = 7;
    for (let k = 0; k < text.length; k++) hash = (Math.imul(hash, 31) + text.charCodeAt(k)) | 0;
    return (hash >>> 0) % 360;
  };
  const hues = functions.map((f) => hue(f.name));

  // ---- The flame graph: only frames in sight are elements, because recursion makes graphs ten thousand rows high.

  const pixelsPerSample = () => rows.clientWidth / Math.max(1e-9, total[zoomed]);
  const topOf = (level) => (upwards ? lowest - level : level) * rowHeight;

  function inSight(node) {
    return (
      node === zoomed ||
      (start[node] < start[zoomed] + total[zoomed] && start[node] + total[node] > start[zoomed])
    );
  }

  function measure() {
    const scale = pixelsPerSample();
    lowest = depth[zoomed];
    for (let level = lowest + 1; level < levels.length; level++) {
      if (!levels[level].some((node) => inSight(node) && total[node] * scale >= 0.5)) break;
      lowest = level;
    }
    rows.style.height = `${(lowest + 1) * rowHeight}px`;
  }

  function draw() {
    const scale = pixelsPerSample();
    const width = rows.clientWidth;
    const first = Math.max(0, Math.floor(graph.scrollTop / rowHeight) - 1);
    const last = Math.min(lowest, Math.ceil((graph.scrollTop + graph.clientHeight) / rowHeight) + 1);
    const drawn = document.createDocumentFragment();
    for (let row = first; row <= last; row++) {
      const level = upwards ? lowest - row : row;
      for (const node of levels[level]) {
        if (!inSight(node)) continue;
        const outer = level < depth[zoomed];
        const left = outer ? 0 : (start[node] - start[zoomed]) * scale;
        const wide = outer || node === zoomed ? width : total[node] * scale;
        if (wide >= 0.5) drawn.append(frame(node, left, wide, outer));
      }
    }
    rows.replaceChildren(drawn);
    graph.classList.toggle('searching', matches !== null);
  }

  function frame(node, left, wide, outer) {
    const id = nodes.function[node];
    const made = element('div', 'frame', wide > 30 ? nameOf(node) : '');
    made.classList.add(node === 0 ? 'all' : functions[id].kind);
    if (wide <= 8) made.classList.add('narrow');
    if (outer) made.classList.add('outer');
    if (node !== 0 && matches?.has(id)) made.classList.add('match');
    if (node === current) made.classList.add('selected');
    made.dataset.node = String(node);
    made.style.left = `${left}px`;
    made.style.width = `${Math.max(1, wide)}px`;
    made.style.top = `${topOf(depth[node])}px`;
    made.style.setProperty('--hue', String(node === 0 ? 220 : hues[id]));
    return made;
  }

  function describe(node) {
    const self = nodes.self[node];
    const parts = [nameOf(node)];
    if (node !== 0) {
      const { kind, module, index } = functions[nodes.function[node]];
      if (module >= 0) parts.push(modules[module] + (index >= 0 ? `, function ${index}` : `, ${kind}`));
      if (kind === 'cause') parts.push('why the outer frames of these samples are unknown');
    }
    parts.push(`total ${number(total[node])} (${percent(total[node])})`);
    if (zoomed !== 0) parts.push(`${percent(total[node], total[zoomed])} of ${nameOf(zoomed)}`);
    parts.push(`self ${number(self)} (${percent(self)})`);
    if (data.interval) parts.push(`about ${number(total[node] * data.interval)} instructions`);
    details.textContent = parts.join(' · ');
  }

  function zoom(node) {
    zoomed = node;
    current = node;
    measure();
    bringIntoSight(node);
    draw();
    describe(node);
    byId('reset').disabled = zoomed === 0;
    if (node !== 0) select(nodes.function[node]);
  }

  function bringIntoSight(node) {
    const top = topOf(depth[node]);
    if (top < graph.scrollTop || top + rowHeight > graph.scrollTop + graph.clientHeight)
      graph.scrollTop = top - graph.clientHeight / 2;
  }

  /** The node in the same row that is `step` places further among those in sight. */
  function beside(node, step) {
    const scale = pixelsPerSample();
    const row = levels[depth[node]].filter((each) => inSight(each) && total[each] * scale >= 0.5);
    return row[row.indexOf(node) + step];
  }

  function move(node) {
    if (node === undefined || node < 0) return;
    current = node;
    bringIntoSight(node);
    draw();
    describe(node);
  }

  const nodeAt = (event) => event.target.closest?.('.frame')?.dataset.node;
  rows.addEventListener('click', (event) => {
    const node = nodeAt(event);
    if (node !== undefined) zoom(Number(node));
  });
  rows.addEventListener('mousemove', (event) => {
    const node = nodeAt(event);
    if (node !== undefined) describe(Number(node));
  });
  graph.addEventListener('scroll', draw);
  graph.addEventListener('keydown', (event) => {
    const caller = () => move(nodes.caller[current]);
    const callee = () => move(callees[current][0]);
    const keys = {
      ArrowUp: upwards ? callee : caller,
      ArrowDown: upwards ? caller : callee,
      ArrowLeft: () => move(beside(current, -1)),
      ArrowRight: () => move(beside(current, 1)),
      Enter: () => zoom(current),
      Escape: () => zoom(0),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target === search || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    search.focus();
  });
  byId('reset').addEventListener('click', () => zoom(0));
  byId('flip').addEventListener('click', () => {
    upwards = !upwards;
    byId('flip').setAttribute('aria-pressed', String(upwards));
    measure();
    graph.scrollTop = upwards ? graph.scrollHeight : 0;
    draw();
  });
  new ResizeObserver(() => {
    measure();
    draw();
  }).observe(graph);

  // ---- Search: marks frames, and leaves only the functions that match in the table.

  search.addEventListener('input', () => {
    const wanted = search.value.toLowerCase();
    matches =
      wanted === ''
        ? null
        : new Set(functions.flatMap((f, id) => (f.name.toLowerCase().includes(wanted) ? [id] : [])));
    let samples = 0;
    if (matches !== null) {
      // A function inside another that matches is counted with it.
      const open = [0];
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        if (node !== 0 && matches.has(nodes.function[node])) samples += total[node];
        else for (const callee of callees[node]) open.push(callee);
      }
    }
    byId('matched').textContent =
      matches === null
        ? ''
        : `${number(matches.size)} ${matches.size === 1 ? 'function' : 'functions'}, on the stack in ${percent(samples)} of the samples`;
    draw();
    fillFunctions();
  });

  // ---- Functions

  const table = byId('functions');
  let sortedBy = 'self';
  let ascending = false;
  let shown = firstRows;

  function fillFunctions() {
    const ids = functions.map((_, id) => id).filter((id) => matches === null || matches.has(id));
    const order = (a, b) =>
      sortedBy === 'name'
        ? functions[a].name < functions[b].name
          ? -1
          : 1
        : functions[a][sortedBy] - functions[b][sortedBy];
    ids.sort((a, b) => (ascending ? order(a, b) : order(b, a)) || a - b);
    const body = document.createDocumentFragment();
    for (const id of ids.slice(0, shown)) {
      const f = functions[id];
      const row = element('tr', id === selected ? 'selected' : '');
      row.dataset.function = String(id);
      row.tabIndex = 0;
      row.append(element('td', 'name', f.name), ...samplesCells(f.self), ...samplesCells(f.total));
      body.append(row);
    }
    table.tBodies[0].replaceChildren(body);
    for (const head of table.tHead.rows[0].cells) {
      const sort = head.dataset.sort === sortedBy ? (ascending ? 'ascending' : 'descending') : 'none';
      if (head.dataset.sort) head.setAttribute('aria-sort', sort);
    }
    byId('more').hidden = ids.length <= shown;
    byId('more').textContent = `Show all ${number(ids.length)} functions`;
  }

  function samplesCells(samples) {
    const share = element('td', 'heat', percent(samples));
    share.style.setProperty('--share', `${(100 * samples) / Math.max(1, data.samples)}%`);
    return [element('td', '', number(samples)), share];
  }

  table.tHead.addEventListener('click', (event) => {
    const by = event.target.closest('th')?.dataset.sort;
    if (by === undefined) return;
    ascending = by === sortedBy ? !ascending : by === 'name';
    sortedBy = by;
    fillFunctions();
  });
  const chosen = (event) => {
    const row = event.target.closest('tr');
    if (row !== null) select(Number(row.dataset.function));
  };
  table.tBodies[0].addEventListener('click', chosen);
  table.tBodies[0].addEventListener('keydown', (event) => {
    if (event.key === 'Enter') chosen(event);
  });
  byId('more').addEventListener('click', () => {
    shown = Number.POSITIVE_INFINITY;
    fillFunctions();
  });

  // ---- Lines of one function

  function select(id) {
    if (selected === id) return;
    selected = id;
    for (const row of table.tBodies[0].rows)
      row.classList.toggle('selected', row.dataset.function === String(id));
    const lines = listings[id];
    byId('listing-title').textContent = functions[id].name;
    byId('no-listing').hidden = lines !== undefined;
    byId('listing').hidden = lines === undefined;
    if (lines !== undefined) fillListing(lines);
  }

  function fillListing(lines) {
    const near = new Set();
    if (lines.length > longListing)
      lines.forEach(([, , , self, all], at) => {
        if (self + all > 0) for (let k = at - 3; k <= at + 3; k++) near.add(k);
      });
    const body = document.createDocumentFragment();
    let hottest;
    let most = 0;
    let left = 0;
    const gap = () => {
      if (left === 0) return;
      const row = element('tr');
      const cell = element('td', 'text', `… ${number(left)} lines without samples`);
      cell.colSpan = 5;
      row.append(cell);
      body.append(row);
      left = 0;
    };
    lines.forEach(([offset, indent, text, self, all], at) => {
      if (lines.length > longListing && !near.has(at)) {
        left++;
        return;
      }
      gap();
      const row = element('tr');
      const code = element('td', 'text', text);
      code.style.paddingLeft = `${0.5 + 0.75 * Math.min(indent, 40)}rem`;
      const cells = (samples) => (samples > 0 ? samplesCells(samples) : [element('td'), element('td')]);
      row.append(element('td', 'offset', `0x${offset.toString(16)}`), ...cells(self), ...cells(all), code);
      body.append(row);
      if (self > most) {
        most = self;
        hottest = row;
      }
    });
    gap();
    const listing = byId('listing');
    listing.tBodies[0].replaceChildren(body);
    const scroll = listing.parentElement;
    scroll.scrollTop = hottest === undefined ? 0 : hottest.offsetTop - scroll.clientHeight / 2;
  }

  // ---- Start

  fillFunctions();
  zoom(0);
  const hottest = functions.reduce(
    (best, f, id) => (listings[id] && f.self > (functions[best]?.self ?? -1) ? id : best),
    -1,
  );
  if (hottest >= 0) select(hottest);
  document.documentElement.dataset.ready = 'true';
})();
