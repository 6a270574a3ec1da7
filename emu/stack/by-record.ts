import type { ImageFunction } from '../../compiler/image/image.ts';
import type { LoadedImage } from '../loaded-image.ts';
import type { CodePoint } from './code.ts';
import { type InterruptedRegisters, isBorder, type ReadFailure, StackReader } from './reader.ts';

/**
 * Reads frames by their publication records. The innermost frame is the program counter's. Where its function has published,
 * `top` is its own record; where it has not (a leaf, a prologue, an epilogue), the frame table says where its return address is
 * and `top` is its caller's. From there on record by record: a record's place gives its function's stack pointer, and that the
 * return address, which names the caller. Activation records lead through adapters to other exec envs and, across host
 * functions, to the code that called them. Every record is checked against the function found by return address: compiled frames lie one
 * against the other, so that each can be in one place only.
 */
export class RecordReader extends StackReader {
  protected walk(innermost: CodePoint, registers: InterruptedRegisters): ReadFailure | null {
    const { sp } = registers;
    const { symbol, cfa, published } = innermost;
    let failure = this.start(innermost, registers);
    if (failure !== null) return failure;
    if (published) failure = this.takeRecord(innermost, sp + cfa - symbol.frameBytes);
    else this.floor = sp + cfa;
    if (failure !== null) return failure;
    const atEntry = symbol.kind === 'entry-adapter';
    failure = atEntry ? null : (this.leaveInnermost(innermost, registers) ?? this.toEntry());
    // A stack may have as many host functions as it has room for.
    while (failure === null && this.record !== 0) failure = this.crossHost() ?? this.toEntry();
    return failure;
  }

  /** From the frame that the last one read returns to, through the entry adapter that the host called. */
  private toEntry(): ReadFailure | null {
    for (;;) {
      const point = this.nextFrame();
      if (point === undefined) return 'no-image-at-return';
      const { symbol } = point;
      if (isBorder(symbol)) {
        const failure = this.leaveActivation();
        if (failure !== null) return failure;
        if (symbol.kind === 'entry-adapter') return null;
      }
      const body = this.record - symbol.recordOffset;
      if (body !== this.floor) return 'bad-record';
      const failure = this.takeRecord(point, body) ?? this.takeReturnAddress(this.floor - this.word);
      if (failure !== null) return failure;
    }
  }

  /** Checks that the current record is the one of `point`'s function with its body's stack pointer at `body`, and goes on to the one before. */
  private takeRecord({ image, symbol }: CodePoint, body: number): ReadFailure | null {
    const { record } = this;
    if (symbol.recordOffset < 0 || !this.isRecord(record)) return 'bad-record';
    if (body + symbol.recordOffset !== record) return 'bad-record';
    if (hasSelf(image, symbol) && !this.saysSelf(record, image, symbol)) return 'wrong-function';
    this.floor = body + symbol.frameBytes;
    return this.follow(record);
  }

  private saysSelf(record: number, image: LoadedImage, symbol: ImageFunction): boolean {
    const self = this.load(record + this.word);
    if (this.word === 8) return self === symbol.id;
    const offset = self - image.base;
    return offset >= symbol.offset && offset < symbol.offset + symbol.size;
  }
}

/** Whether a function's record says whose it is. */
const hasSelf = ({ image }: LoadedImage, { kind }: ImageFunction): boolean =>
  image.selfInRecords || kind === 'cross-adapter' || kind === 'host-adapter';
