import { CompileError } from '../errors.ts';
import { limits } from '../wasm/limits.ts';

/**
 * What a function may cost beyond its size: values carried over edges and calls, phis and their inputs. A few kilobytes of
 * code can ask for billions of them (a thousand block results at each of a thousand labels of a thousand br_tables).
 */
export class Budget {
  /** What an instruction of its own costs, in inputs. */
  static readonly instruction = 8;
  private left: number = limits.ssaInputs;
  /** Offset of the function's body. */
  private readonly offset: number;

  constructor(offset: number) {
    this.offset = offset;
  }

  /** @throws CompileError `limit` when too much has been spent */
  spend(inputs: number): void {
    this.left -= inputs;
    if (this.left < 0) {
      throw new CompileError('limit', `function needs more than ${limits.ssaInputs} SSA inputs`, this.offset);
    }
  }
}
