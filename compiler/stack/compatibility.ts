import { layoutHash } from '../abi.ts';
import { schemes } from './index.ts';
import type { MemoryOrder, SchemeName } from './scheme.ts';

/** What code and who reads its stack, or hosts it, must agree on: every image says it of itself. */
export interface StackAbi {
  readonly abiVersion: number;
  readonly layoutHash: number;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
}

/** Of code that is compiled with `scheme` and `order`; of a reader, the weakest order that serves it. */
export function stackAbi(scheme: SchemeName, word: 4 | 8, order: MemoryOrder): StackAbi {
  const { abi } = schemes[scheme](word);
  return { abiVersion: abi, layoutHash: layoutHash(word, abi), scheme, order };
}

/** Orders from weak to strong. */
const strength: Readonly<Record<MemoryOrder, number>> = { relaxed: 0, release: 1, seq_cst: 2 };

/** Says in words in what code differs from what a reader or host was built for; null if the one can serve the other. */
export function abiDifference(code: StackAbi, own: StackAbi): string | null {
  const differences: string[] = [];
  if (code.abiVersion !== own.abiVersion)
    differences.push(`ABI version ${code.abiVersion} instead of ${own.abiVersion}`);
  if (code.layoutHash !== own.layoutHash)
    differences.push(`exec env layout ${hex(code.layoutHash)} instead of ${hex(own.layoutHash)}`);
  if (code.scheme !== own.scheme) differences.push(`scheme ${code.scheme} instead of ${own.scheme}`);
  if (strength[code.order] < strength[own.order])
    differences.push(`order ${code.order}, which is weaker than ${own.order}`);
  return differences.length === 0 ? null : differences.join(', ');
}

const hex = (hash: number): string => `0x${hash.toString(16).padStart(8, '0')}`;
