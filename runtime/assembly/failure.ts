/** Why a reading of a stack ends before the outermost frame: the reasons of emu/stack/reader.ts, which says what they mean. */
export enum Failure {
  none,
  noImageAtPc,
  noImageAtReturn,
  notPublished,
  returnAddressUnreadable,
  badEnv,
  badRecord,
  wrongFunction,
  wrongActivation,
  brokenChain,
}

const names: StaticArray<string> = [
  'complete',
  'no-image-at-pc',
  'no-image-at-return',
  'not-published',
  'return-address-unreadable',
  'bad-env',
  'bad-record',
  'wrong-function',
  'wrong-activation',
  'broken-chain',
];

/** The reason in words; `complete` if there is none. */
export function failureName(failure: Failure): string {
  return unchecked(names[failure]);
}
