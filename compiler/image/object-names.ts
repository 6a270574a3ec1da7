/**
 * Names in object files: `<prefix>_<name>`, made a C identifier. ASCII letters, digits and `_` stay, every other byte of the UTF-8
 * name becomes `_` and two hexadecimal digits. A name that is taken already gets `_2`, `_3`... behind it, in the order
 * of the module's imports, then exports.
 */
export class ObjectNames {
  readonly prefix: string;
  private readonly taken: Set<string>;

  /** @param reserved names behind the prefix that are not the module's to take */
  constructor(prefix: string, reserved: readonly string[]) {
    this.prefix = prefix;
    this.taken = new Set(reserved.map((name) => `${prefix}_${name}`));
  }

  /** An identifier of its own for `parts`, which are joined by `_`, such that those with all of `suffixes` behind it are free, too. */
  take(parts: readonly string[], suffixes: readonly string[] = []): string {
    const base = [this.prefix, ...parts.map(mangle)].join('_');
    for (let n = 1; ; n++) {
      const name = n === 1 ? base : `${base}_${n}`;
      const all = [name, ...suffixes.map((suffix) => name + suffix)];
      if (all.some((each) => this.taken.has(each))) continue;
      for (const each of all) this.taken.add(each);
      return name;
    }
  }
}

/** The characters of a C identifier that stand for `name`. */
export function mangle(name: string): string {
  let text = '';
  for (const byte of new TextEncoder().encode(name)) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9_]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/** True for what can stand at the front of all names. */
export const isPrefix = (text: string): boolean => /^[A-Za-z][A-Za-z0-9_]*$/.test(text);

/** The prefix that a file's name suggests: what is no letter or digit becomes `_`. */
export function prefixOf(fileName: string): string {
  const text = fileName.replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9]/g, '_');
  return isPrefix(text) ? text : `module_${text}`;
}
