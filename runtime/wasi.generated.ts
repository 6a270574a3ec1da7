/** runtime/assembly/wasi.ts as wasm, in base64. Generated: see runtime.spec.ts. */
export const wasiBinary =
  'AGFzbQEAAAABHARgBH5/fn4BfmABfgBgAAF/YAd/fn5+fn5+AX4CJgIGZmF0aG9tCndvcmRfYnl0ZXMAAgZmYXRob20Hc3lzY2Fs' +
  'bAADAwMCAAEFBAEBBAQHGwMEbWFpbgADB3NlcnZpY2UAAgZtZW1vcnkCAAokAgQAQgALHQBB5wFB+AEQAEEIRhtCAEIAQgBCAEIA' +
  'QgAQARoLACEEbmFtZQEaAgIMd2FzaS9zZXJ2aWNlAwl3YXNpL21haW4=';
