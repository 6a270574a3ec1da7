import { Assembler } from '../backend/assembler.ts';
import { InternalError } from '../errors.ts';
import type { EntryCall, Target } from '../target.ts';
import { signatureText } from '../wasm/function-types.ts';
import { exportedFunction, functionType } from './command.ts';
import { codeOf, descriptorOf, type Instance } from './exec-env.ts';
import { type ExecutableLayout, type GlueName, gluePieceBytes } from './executable-layout.ts';

/** The code of an executable that belongs to no image. */
export type Glue = Readonly<Record<GlueName, Assembler>>;

/** Makes the start code, the signal trampoline and their like, and writes them where the layout has room for them. */
export function writeGlue({ instances, inits, glue, memory, text }: ExecutableLayout, target: Target): Glue {
  const { linux } = target;
  const { wasi, handler } = instances;
  // Each by its own entry adapter: the handler publishes in another way than the rest, whose adapters cannot enter it.
  const initOf = (instance: Instance, descriptor: number): EntryCall => ({
    adapter: codeOf(instance, instance.image.symbols.initEntry),
    env: instance.env,
    descriptor,
  });
  const stackEnd = memory.stack.address + memory.stack.bytes;
  const code: Glue = {
    start: linux.startCode({
      stackEnd,
      inits: [initOf(wasi, inits.wasi), initOf(handler, inits.handler)],
      main: entryOf(wasi, 'main', '(i64) -> ()'),
    }),
    trampoline: linux.signalTrampoline(entryOf(handler, 'signal', '(i32, i64, i64) -> ()')),
    restorer: linux.signalRestorer(),
    noService: new Assembler(),
  };
  target.emitTrap(code.noService);
  for (const name of Object.keys(code) as GlueName[]) {
    if (code[name].offset > gluePieceBytes) throw new InternalError(`the code '${name}' is too long`);
    text.set(glue[name], code[name].bytes());
  }
  return code;
}

/** How native code calls the function that a module of the runtime exports under `name`. */
function entryOf(instance: Instance, name: string, type: string): EntryCall {
  const { image, env } = instance;
  const { module, symbols } = image;
  const index = exportedFunction(module, name);
  if (index === undefined || signatureText(functionType(module, index)) !== type)
    throw new InternalError(`the runtime exports no '${name}' of type ${type}`);
  const adapter = symbols.entry[module.functions[index].typeIndex];
  return { adapter: codeOf(instance, adapter), env, descriptor: descriptorOf(instance, index) };
}
