/**
 * Text of a module's, such as a name, as it may be shown: without control characters, which command terminals, and without those that
 * turn the direction of the text around them.
 */
export const shown = (text: string): string =>
  text.replace(/\p{Cc}|[\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');
