import type { FunctionInstance, GlobalInstance, MemoryInstance, TableInstance } from '../externals.ts';

/**
 * Ties the objects that JavaScript sees to what they stand for, both ways: one object for one thing, so identity holds. Weak:
 * an object that nobody holds is made anew when next asked for, which nobody can tell.
 */
class Wrapping<Instance extends object> {
  private readonly instances = new WeakMap<object, Instance>();
  private readonly objects = new WeakMap<Instance, WeakRef<object>>();

  bind<Wrapper extends object>(object: Wrapper, instance: Instance): Wrapper {
    this.instances.set(object, instance);
    this.objects.set(instance, new WeakRef(object));
    return object;
  }

  /** What `object` stands for, or undefined if it is no such object. */
  instanceOf(object: unknown): Instance | undefined {
    return isObject(object) ? this.instances.get(object) : undefined;
  }

  /** The object for `instance`, if one is alive. */
  objectOf(instance: Instance): object | undefined {
    return this.objects.get(instance)?.deref();
  }
}

/** A value with properties: what the JavaScript specification's `Type(x) is Object` says. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

export const functions = new Wrapping<FunctionInstance>();
export const memories = new Wrapping<MemoryInstance>();
export const tables = new Wrapping<TableInstance>();
export const globals = new Wrapping<GlobalInstance>();
