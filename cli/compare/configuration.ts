import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import type { MemoryOrder, SchemeName } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';

/** A way to compile the module: a column of the comparison. */
export interface Configuration {
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  readonly level: OptimisationLevel;
}

/** What is set against each other. */
export interface Choices {
  readonly targets: readonly TargetName[];
  readonly schemes: readonly SchemeName[];
  readonly orders: readonly MemoryOrder[];
  readonly levels: readonly OptimisationLevel[];
}

/** Every combination, each once, the target changing slowest. */
export function configurationsOf({ targets, schemes, orders, levels }: Choices): Configuration[] {
  const once = <T>(values: readonly T[]): T[] => [...new Set(values)];
  return once(targets).flatMap((target) =>
    once(schemes).flatMap((scheme) =>
      once(orders).flatMap((order) => once(levels).map((level) => ({ target, scheme, order, level }))),
    ),
  );
}

/** Its whole name, by which reports of different runs are matched. */
export const nameOf = ({ target, scheme, order, level }: Configuration): string =>
  `${target} ${scheme} ${order} -O${level}`;

/** Names without what all have in common; the target always stays. */
export function shortNames(configurations: readonly Configuration[]): string[] {
  const parts = configurations.map(({ target, scheme, order, level }) => [
    target,
    scheme,
    order,
    `-O${level}`,
  ]);
  const differs = (part: number): boolean => parts.some((each) => each[part] !== parts[0][part]);
  return parts.map((each) => each.filter((_, part) => part === 0 || differs(part)).join(' '));
}
