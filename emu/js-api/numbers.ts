/** `[EnforceRange] unsigned long` of Web IDL in V8's words, with bounds. `what` begins the message. */
export function unsignedLong(value: unknown, what: string, lower = 0, upper = 0xffff_ffff): number {
  let number: number;
  try {
    number = Math.trunc(Number.parseFloat(String(+(value as number))));
  } catch {
    number = Number.NaN;
  }
  if (!Number.isFinite(number)) throw new TypeError(`${what} must be convertible to a valid number`);
  if (number < 0) throw new TypeError(`${what} must be non-negative`);
  if (number > 0xffff_ffff) throw new TypeError(`${what} must be in the unsigned long range`);
  if (number < lower) {
    throw new RangeError(`${what}: value ${number} is below the lower bound ${lower.toString(16)}`);
  }
  if (number > upper) throw new RangeError(`${what}: value ${number} is above the upper bound ${upper}`);
  return number + 0;
}

/** `initial` and `maximum` of a memory or table descriptor. `where` is the constructor, as V8 writes it. */
export function limitsOf(
  descriptor: object,
  where: string,
  largest: number,
): { minimum: number; maximum: number | undefined } {
  const initial: unknown = Reflect.get(descriptor, 'initial');
  if (initial === undefined) throw new TypeError(`${where}: Property 'initial' is required`);
  const minimum = unsignedLong(initial, `${where}: Property 'initial'`, 0, largest);
  const most: unknown = Reflect.get(descriptor, 'maximum');
  const maximum =
    most === undefined ? undefined : unsignedLong(most, `${where}: Property 'maximum'`, minimum, 0xffff_ffff);
  return { minimum, maximum };
}
