/** What a module says of its source cannot be read: damaged tables, a map that is not there. The module itself may be sound. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}
