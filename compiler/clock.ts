/** Measures stages one after another; does nothing unless somebody listens. */
export class Clock {
  private readonly listener: ((stage: string, milliseconds: number) => void) | undefined;
  private since = 0;

  constructor(listener: ((stage: string, milliseconds: number) => void) | undefined) {
    this.listener = listener;
    this.restart();
  }

  /** What went by since the last call of `lap` or `restart` belongs to no stage. */
  restart(): void {
    if (this.listener !== undefined) this.since = performance.now();
  }

  /** What went by since then was `stage`. */
  lap(stage: string): void {
    if (this.listener === undefined) return;
    const now = performance.now();
    this.listener(stage, now - this.since);
    this.since = performance.now();
  }
}
