import type { Interval } from './intervals.ts';
import { never } from './split.ts';

/** Intervals still to be placed, the earliest first: a binary heap on their start, equal ones in order of arrival. */
export class Unhandled {
  private readonly items: Interval[] = [];
  private readonly arrivals: number[] = [];
  private arrived = 0;

  push(interval: Interval): void {
    const { items, arrivals } = this;
    let at = items.length;
    items.push(interval);
    arrivals.push(this.arrived);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent].from <= interval.from) break;
      items[at] = items[parent];
      arrivals[at] = arrivals[parent];
      at = parent;
    }
    items[at] = interval;
    arrivals[at] = this.arrived++;
  }

  /** Start of the earliest interval, or {@link never}. */
  nextFrom(): number {
    return this.items.length === 0 ? never : this.items[0].from;
  }

  pop(): Interval | null {
    const { items, arrivals } = this;
    const last = items.pop();
    const lastArrival = arrivals.pop();
    if (last === undefined || lastArrival === undefined) return null;
    if (items.length === 0) return last;
    const first = items[0];
    const count = items.length;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= count) break;
      const right = child + 1;
      if (
        right < count &&
        (items[right].from < items[child].from ||
          (items[right].from === items[child].from && arrivals[right] < arrivals[child]))
      ) {
        child = right;
      }
      if (
        items[child].from > last.from ||
        (items[child].from === last.from && arrivals[child] > lastArrival)
      ) {
        break;
      }
      items[at] = items[child];
      arrivals[at] = arrivals[child];
      at = child;
    }
    items[at] = last;
    arrivals[at] = lastArrival;
    return first;
  }
}
