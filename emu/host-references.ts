/**
 * Numbers for JavaScript values that wasm holds as `externref`: a word, 0 for null. Equal values (as `Object.is` has it, 0
 * and -0 apart) get equal numbers, so identity survives the journey. A value stays until its machine is closed: nothing
 * tells which words of guest memory still are references.
 */
export class HostReferences {
  private readonly values: unknown[] = [null];
  private readonly numbers = new Map<unknown, number>();
  private negativeZero = 0;

  /** The word for `value`. */
  toWord(value: unknown): number {
    if (value === null) return 0;
    if (Object.is(value, -0)) {
      this.negativeZero ||= this.values.push(-0) - 1;
      return this.negativeZero;
    }
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.values.push(value) - 1;
      this.numbers.set(value, number);
    }
    return number;
  }

  /** The value that `toWord` numbered. Words that it never gave out, which only a fault of ours makes, read as undefined. */
  toValue(word: number): unknown {
    return this.values[word];
  }
}
