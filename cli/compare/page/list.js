/**
 * Lists of which only the rows in sight are elements: functions have up to 25,000 instructions, modules thousands of functions. Stands in
 * the page before page.js.
 */
const rowHeight = 18;
/** Rows that are built above and below those in sight. */
const beyond = 5;

// biome-ignore lint/correctness/noUnusedVariables: the script behind this one uses it
class List {
  /**
   * @param box element that scrolls, with one of class `rows` in it
   * @param makeRow element of the row at an index
   * @param before told of the rows in sight, from the first to behind the last, before any is made
   */
  constructor(box, makeRow, before = () => {}) {
    this.box = box;
    this.rows = this.box.querySelector('.rows');
    this.makeRow = makeRow;
    this.before = before;
    this.length = 0;
    this.box.addEventListener('scroll', () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  fill(length) {
    this.length = length;
    this.rows.style.height = `${length * rowHeight}px`;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / rowHeight) - beyond);
    const last = Math.min(
      this.length,
      Math.ceil((this.box.scrollTop + this.box.clientHeight) / rowHeight) + beyond,
    );
    this.before(Math.min(first + beyond, last), Math.max(first, last - beyond));
    const drawn = document.createDocumentFragment();
    for (let index = first; index < last; index++) {
      const row = this.makeRow(index);
      row.style.top = `${index * rowHeight}px`;
      row.dataset.row = String(index);
      drawn.append(row);
    }
    this.rows.replaceChildren(drawn);
  }

  /** Scrolls so that a row stands `share` of the way down, if it is not in sight or `always`. */
  show(index, share = 0.4, always = false) {
    const top = index * rowHeight;
    const { scrollTop, clientHeight } = this.box;
    if (!always && top >= scrollTop && top + rowHeight <= scrollTop + clientHeight) return;
    this.box.scrollTop = top - share * clientHeight;
  }

  /** Index of the row that an event is of, or -1. */
  rowAt(event) {
    const row = event.target.closest?.('.row');
    return row === null || row === undefined ? -1 : Number(row.dataset.row);
  }
}
