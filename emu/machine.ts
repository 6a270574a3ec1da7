import {
  descriptorLayout,
  type EnvHeader,
  envHeader,
  HostService,
  stackGuardBytes,
} from '../compiler/abi.ts';
import { defaults } from '../compiler/defaults.ts';
import { ImageError } from '../compiler/errors.ts';
import type { Image } from '../compiler/image/image.ts';
import { floorIndex } from '../compiler/image/lookup.ts';
import { relocate } from '../compiler/image/relocate.ts';
import { TrapKind } from '../compiler/ir/types.ts';
import { abiDifference, type StackAbi, stackAbi } from '../compiler/stack/compatibility.ts';
import { schemes } from '../compiler/stack/index.ts';
import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import type { TargetName } from '../compiler/target.ts';
import { FunctionTypes } from '../compiler/wasm/function-types.ts';
import type { FunctionType } from '../compiler/wasm/module.ts';
import { leaveActivations } from './activations.ts';
import { AddressSpace } from './address-space.ts';
import { Arena } from './arena.ts';
import { Core, type Fault, type Stop } from './core.ts';
import { FunctionInstance, type HostCode } from './externals.ts';
import { HostReferences } from './host-references.ts';
import type { ModuleInstance } from './instance.ts';
import { LoadedImage } from './loaded-image.ts';
import { NativeRegisters } from './native-registers.ts';
import { TailWord } from './tail-word.ts';
import { backtrace } from './trace.ts';
import { MachineFault, Trap } from './trap.ts';
import { Window } from './window.ts';

export interface MachineOptions {
  /** Bytes of native stack for compiled code. */
  readonly stackBytes?: number;
  /** How the images that it runs publish their stacks, and the weakest order; the defaults of compiler/defaults.ts where they are not given. */
  readonly scheme?: SchemeName;
  readonly order?: MemoryOrder;
}

/** One mebibyte, about what V8 gives WebAssembly. */
const defaultStackBytes = 1 << 20;

/** Guest addresses for exec envs, tables and cells. */
const arenaBytes = { x86_64: 2 ** 30, armv7: 2 ** 27 } as const;

/** How the core is made to run, and what is told of the host's hand in it. A sampler puts itself in its place. */
export interface Runner {
  /** Runs until the next stop. */
  run(core: Core): Stop;
  /** The core is about to run, from the host, at `adapter`. */
  entered(adapter: number): void;
  /** The host took the core out of all frames whose callers had their stack pointer at or below `stackPointer`. */
  left(stackPointer: number): void;
}

const freely: Runner = { run: (core) => core.run(), entered() {}, left() {} };

/** Engines are few and dear: one whose machine nobody holds any more goes back as if the machine had been closed. */
const abandoned = new FinalizationRegistry<Core>((core) => core.dispose());

/** An activation that the host made and that has not returned. */
export interface HostEntry {
  /** Where compiled code called the host that made the entry: return address and stack pointer there. */
  readonly caller: { readonly pc: number; readonly sp: number } | undefined;
}

/**
 * An emulated machine of one target: an address space with images, instances and a native stack, and a core that runs
 * them. What an instance allocates lives as long as its machine.
 */
export class Machine {
  readonly target: TargetName;
  readonly wordBytes: 4 | 8;
  /** What the images that it runs must be compiled for. */
  readonly abi: StackAbi;
  /** Byte offsets of exec env fields. */
  readonly header: EnvHeader;
  readonly space: AddressSpace;
  readonly core: Core;
  readonly arena: Arena;
  /** The native stack, guard excluded. */
  readonly stack: Window;
  /** Scheme `tail`: what holds `top`. */
  readonly tail: TailWord | undefined;
  /** Lowest usable address of the native stack. */
  readonly stackLimit: number;
  /** Address of the thread's block: its first word is the innermost exec env. */
  readonly thread: number;
  readonly types = new FunctionTypes();
  readonly references = new HostReferences();
  readonly registers: NativeRegisters;
  /** How runs are made; see {@link Runner}. */
  runner: Runner = freely;
  /** Images loaded, by ascending address. */
  readonly images: LoadedImage[] = [];
  private imageStarts = new Float64Array(0);
  private readonly loadedImages = new Map<Image, LoadedImage>();
  private readonly instances = new Map<number, ModuleInstance>();
  private readonly functions = new Map<number, FunctionInstance>();
  private hostFunctions = 0;
  /** Below here the native stack is free for the next entry and its slots. */
  private stackTop: number;
  /** Entries from the host that have not returned, outermost first. */
  readonly entries: HostEntry[] = [];

  /** @throws UnicornMissingError when no libunicorn serves, with advice for the user */
  constructor(
    target: TargetName,
    { stackBytes = defaultStackBytes, scheme = defaults.scheme, order = defaults.order }: MachineOptions = {},
  ) {
    this.target = target;
    this.wordBytes = target === 'x86_64' ? 8 : 4;
    this.abi = stackAbi(scheme, this.wordBytes, order);
    this.header = envHeader(this.wordBytes, schemes[scheme](this.wordBytes).abi);
    this.space = new AddressSpace(target);
    this.tail = scheme === 'tail' ? new TailWord(this.space) : undefined;
    const region = this.space.allocate({
      name: 'stack',
      ...(this.tail && { address: this.tail.stackLimit }),
      size: stackBytes,
      access: 'rw',
      guardBefore: stackGuardBytes,
    });
    this.stack = new Window(region.address, region.buffer);
    this.stackLimit = region.address;
    this.stackTop = region.address + region.size;
    this.arena = new Arena(this.space, arenaBytes[target]);
    this.thread = this.arena.allocate(64);
    this.core = new Core(this.space);
    abandoned.register(this, this.core, this);
    this.registers = new NativeRegisters(this.core);
  }

  /** Gives the core's engine back. Memories stay readable for who holds their buffers. */
  close(): void {
    abandoned.unregister(this);
    this.core.dispose();
  }

  /** Zeroed guest memory for exec envs, tables and cells. Throws RangeError when there is no more. */
  allocate(bytes: number): number {
    return this.arena.allocate(bytes);
  }

  free(address: number, bytes: number): void {
    this.arena.free(address, bytes);
  }

  /** A machine word in the arena. */
  readWord(address: number): number {
    return this.wordBytes === 8 ? this.arena.readU64(address) : this.arena.readU32(address);
  }

  writeWord(address: number, value: number): void {
    if (this.wordBytes === 8) this.arena.writeU64(address, value);
    else this.arena.writeU32(address, value);
  }

  /** `top` of an exec env: the address of the innermost publication record in it, 0 for none. */
  readTop(env: number): number {
    if (this.tail !== undefined) return this.tail.read();
    return this.readWord(env + this.header.top);
  }

  writeTop(env: number, record: number): void {
    if (this.tail !== undefined) this.tail.write(record);
    else this.writeWord(env + this.header.top, record);
  }

  /** A machine word on the native stack. */
  readStack(address: number): number {
    return this.wordBytes === 8 ? this.stack.readU64(address) : this.stack.readU32(address);
  }

  /**
   * Puts an image into code memory and the bytes of its data segments into guest memory; once per image and machine.
   * @throws ImageError for an image of another ABI, with the difference in words
   * @throws AddressSpaceError, RangeError when there is no room
   */
  loadImage(image: Image): LoadedImage {
    const known = this.loadedImages.get(image);
    if (known !== undefined) return known;
    const difference = abiDifference(image, this.abi);
    if (difference !== null) throw new ImageError(`the machine cannot run this image: ${difference}`);
    const region = this.space.allocate({ name: 'code', size: image.code.length, access: 'rx' });
    region.bytes.set(image.code);
    relocate(region.bytes, region.address, image.relocations);
    const { bytes, data } = image.module;
    const segments = data.map(({ start, end }) => {
      const address = this.allocate(end - start);
      this.arena.bytes.set(bytes.subarray(start, end), address - this.arena.address);
      return address;
    });
    const loaded = new LoadedImage(image, region.address, segments);
    this.loadedImages.set(image, loaded);
    this.images.push(loaded);
    this.images.sort((a, b) => a.base - b.base);
    this.imageStarts = Float64Array.from(this.images, (i) => i.base);
    return loaded;
  }

  /** The image whose code or constants are at `address`. */
  imageAt(address: number): LoadedImage | undefined {
    const image = this.images[floorIndex(this.imageStarts, address)];
    return image !== undefined && address < image.end ? image : undefined;
  }

  /** For the loader: an instance that exists from now on. */
  addInstance(instance: ModuleInstance): void {
    this.instances.set(instance.env, instance);
  }

  /** The instance whose exec env is at `env`. */
  instanceOf(env: number): ModuleInstance | undefined {
    return this.instances.get(env);
  }

  /**
   * The function of a descriptor, the same object for the same descriptor.
   * @throws MachineFault for an address that is none
   */
  functionAt(descriptor: number): FunctionInstance {
    const known = this.functions.get(descriptor);
    if (known !== undefined) return known;
    const layout = descriptorLayout(this.wordBytes);
    const owner = this.instances.get(this.readWord(descriptor + layout.env));
    if (owner === undefined) throw new MachineFault('not a function reference', 0, descriptor);
    const index = this.arena.readU32(descriptor + layout.index);
    const { module } = owner.loaded.image;
    const type = module.types[module.functions[index].typeIndex];
    const made = new FunctionInstance(this, descriptor, type, owner, index, null);
    this.functions.set(descriptor, made);
    return made;
  }

  /** A descriptor for a function of the host, called through `adapter`: a host adapter of its type. */
  newHostFunction(type: FunctionType, adapter: number, host: HostCode): FunctionInstance {
    const layout = descriptorLayout(this.wordBytes);
    const at = this.allocate(layout.size);
    const index = this.hostFunctions++;
    this.arena.writeU32(at + layout.typeId, this.types.id(type));
    this.arena.writeU32(at + layout.index, index);
    this.writeWord(at + layout.code, adapter);
    this.writeWord(at + layout.cross, adapter);
    const made = new FunctionInstance(this, at, type, null, index, host);
    this.functions.set(at, made);
    return made;
  }

  /**
   * Does `body` with `runner` in charge of what runs on the machine; of a promise, until it is settled. Returns or throws what `body`
   * does.
   */
  runUnder<T>(runner: Runner, body: () => T): T {
    const before = this.runner;
    const end = (): void => {
      this.runner = before;
      this.core.stepping = false;
    };
    this.runner = runner;
    let result: T;
    try {
      result = body();
    } catch (error) {
      end();
      throw error;
    }
    if (result instanceof Promise) return result.finally(end) as T;
    end();
    return result;
  }

  /** Runs the initialisation of a freshly made instance. */
  runInit(instance: ModuleInstance): void {
    const { loaded, env } = instance;
    const { symbols } = loaded.image;
    const layout = descriptorLayout(this.wordBytes);
    const descriptor = this.allocate(layout.size);
    this.writeWord(descriptor + layout.code, loaded.address(symbols.init));
    this.writeWord(descriptor + layout.env, env);
    try {
      this.enter(loaded.address(symbols.initEntry), env, descriptor, this.stackTop);
    } finally {
      this.free(descriptor, layout.size);
    }
  }

  /**
   * Takes `bytes` of slots off the native stack, for the arguments and results of a call.
   * @returns their address, aligned to 16; to be given to {@link popSlots}
   * @throws Trap stackOverflow
   */
  pushSlots(bytes: number): number {
    const at = this.stackTop - bytes;
    const aligned = at - (at % 16);
    if (aligned < this.stackLimit) throw new Trap(TrapKind.stackOverflow, backtrace(this));
    this.stackTop = aligned;
    return aligned;
  }

  /** Gives slots back: the stack is as it was before `pushSlots(bytes)`. */
  popSlots(previousTop: number): void {
    this.stackTop = previousTop;
  }

  /** Where the stack stands now, for {@link popSlots}. */
  get slotTop(): number {
    return this.stackTop;
  }

  /** Calls a function of compiled code, with its arguments in, and its results left in, the slots at `slots`. */
  call(callee: FunctionInstance, slots: number): void {
    const { owner } = callee;
    if (owner === null) {
      callee.host?.(slots);
      return;
    }
    const { symbols, module } = owner.loaded.image;
    const entry = symbols.entry[module.functions[callee.index].typeIndex];
    this.enter(owner.loaded.address(entry), owner.env, callee.descriptor, slots);
  }

  /**
   * Enters compiled code through an entry adapter and runs until it returns. Traps, and what host functions throw, come out
   * of here once everything the entry made is taken back.
   */
  private enter(adapter: number, env: number, descriptor: number, slots: number): void {
    const { core, registers, entries } = this;
    // The adapter and the function called need some room, too; with less than this they would only trap.
    if (this.stackTop < this.stackLimit + 1024) throw new Trap(TrapKind.stackOverflow, backtrace(this));
    const outer = entries.length > 0 ? core.save() : undefined;
    const stackTop = this.stackTop;
    entries.push({ caller: outer && this.hostCaller() });
    try {
      core.sp = stackTop;
      registers.setArguments(env, descriptor, slots);
      core.prepareCall(adapter);
      this.runner.entered(adapter);
      this.run();
      entries.pop();
      if (outer !== undefined) core.restore(outer);
    } catch (error) {
      entries.pop();
      leaveActivations(this, stackTop);
      this.runner.left(stackTop);
      if (outer !== undefined) core.restore(outer);
      throw error;
    } finally {
      this.stackTop = stackTop;
    }
  }

  /** Where the compiled code is that the core's current host call returns to. */
  private hostCaller(): { pc: number; sp: number } {
    const { core } = this;
    return this.target === 'x86_64'
      ? { pc: this.readStack(core.sp), sp: core.sp + 8 }
      : { pc: Number(core.read('lr')), sp: core.sp };
  }

  private run(): void {
    const { core } = this;
    for (;;) {
      const stop = this.runner.run(core);
      switch (stop.reason) {
        case 'exit':
          return;
        case 'host-call':
          this.serve();
          this.runner.left(core.sp);
          break;
        case 'fault':
          throw this.trapOf(stop);
        default:
          throw new MachineFault(`the core stopped for an unexpected reason: ${stop.reason}`, core.pc);
      }
    }
  }

  /** Carries out a host service that compiled code asks for. */
  private serve(): void {
    const { core, registers } = this;
    const env = registers.argument(0);
    const selector = registers.argument(1);
    const a = registers.argument(2);
    const b = registers.argument(3);
    const index = selector >>> 8;
    switch (selector & 0xff) {
      case HostService.call: {
        const outerTop = this.stackTop;
        // Generated code keeps nothing below its stack pointer.
        this.stackTop = core.sp - 16 - (core.sp % 16);
        try {
          const callee = this.functionAt(a);
          if (callee.host === null) throw new MachineFault('host call of a compiled function', core.pc, a);
          callee.host(b);
        } finally {
          this.stackTop = outerTop;
        }
        core.returnFromHostCall();
        return;
      }
      case HostService.memoryGrow:
        core.returnFromHostCall(this.instance(env).memories[index].grow(a % 2 ** 32));
        return;
      case HostService.tableGrow:
        core.returnFromHostCall(this.instance(env).tables[index].grow(a % 2 ** 32, b));
        return;
      default:
        throw new MachineFault(`unknown host service ${selector}`, core.pc);
    }
  }

  private instance(env: number): ModuleInstance {
    const instance = this.instances.get(env);
    if (instance === undefined)
      throw new MachineFault('host call from an unknown exec env', this.core.pc, env);
    return instance;
  }

  private trapOf(fault: Fault): Trap | MachineFault {
    const { pc, address } = fault;
    if ((fault.kind === 'read' || fault.kind === 'write') && this.isStackGuard(address)) {
      return new Trap(TrapKind.stackOverflow, backtrace(this));
    }
    const image = this.imageAt(pc);
    const kind = image?.trapAt(pc - image.base) ?? -1;
    if (kind >= 0) return new Trap(kind as TrapKind, backtrace(this));
    const where = image?.functionAt(pc - image.base)?.name ?? 'no compiled code';
    const message = `${fault.kind} fault at 0x${pc.toString(16)} (${where}), address 0x${address.toString(16)}`;
    return new MachineFault(message, pc, address);
  }

  private isStackGuard(address: number): boolean {
    return address < this.stackLimit && address >= this.stackLimit - stackGuardBytes;
  }

  /** Address of the exec env that the thread is in, 0 for none. */
  get innermostEnv(): number {
    return this.readWord(this.thread);
  }

  set innermostEnv(env: number) {
    this.writeWord(this.thread, env);
  }
}
