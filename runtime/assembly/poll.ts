import { guest } from './app';
import { Clock, hasWideTimes, lacksWideTimes, nanoseconds, now, sleepUntil, storeTimespec } from './clock';
import { demand, hostOf } from './descriptors';
import { Errno, errno } from './errno';
import {
  fill,
  load_u8,
  load_u16,
  load_u32,
  load_u64,
  store_u8,
  store_u16,
  store_u32,
  store_u64,
  syscall,
} from './fathom';
import { number, Sys } from './linux';
import { Right } from './rights';
import { kernel, LinuxError, native } from './system';

/** Offsets in WASI's `subscription`. */
enum Subscription {
  userdata = 0,
  tag = 8,
  /** u32: the clock, or the descriptor. */
  subject = 16,
  /** Of a clock, besides: u64 time-out, u64 precision, u16 flags. */
  timeout = 24,
  flags = 40,
  size = 48,
}

/** Offsets in WASI's `event`. */
enum Event {
  userdata = 0,
  error = 8,
  type = 10,
  bytes = 16,
  flags = 24,
  size = 32,
}

/** `eventtype` */
enum Tag {
  clock = 0,
  read = 1,
  write = 2,
}

/** `subclockflags`: the time-out is a moment, not a length. */
const absoluteTime: u32 = 1;

/** `eventrwflags`: the other end is closed. */
const hangup: u32 = 1;

/** Of poll (include/uapi/asm-generic/poll.h). */
enum Poll {
  input = 0x01,
  output = 0x04,
  error = 0x08,
  hangup = 0x10,
  invalid = 0x20,
}

/** Subscriptions of one call at most: as many as there can be descriptors. */
const maximum: u32 = 2048;

/** struct pollfd: i32 descriptor, i16 asked for, i16 found; one for each subscription to a descriptor that may be polled, in their order. */
const polled = memory.data(2048 * 8);

const timespec = memory.data(16);

/** Bytes to be read (include/uapi/asm-generic/ioctls.h): FIONREAD, answered in an i32. */
const bytesToRead: u64 = 0x541b;
const answer = memory.data(4);

/** The monotonic clock when the call came: lengths start there. */
let start: u64 = 0;

/** What is wrong with a subscription: 0 if nothing. Otherwise its event comes at once. */
function subscriptionError(at: u64): u32 {
  if (load_u8(at + Subscription.tag) !== Tag.clock)
    return demand(load_u32(at + Subscription.subject), Right.pollFdReadwrite);
  const clock = load_u32(at + Subscription.subject);
  if (clock > <u32>Clock.threadTime) return Errno.inval;
  // Processor time stands still while one waits for it.
  return clock > <u32>Clock.monotonic ? Errno.notsup : Errno.success;
}

function isAbsolute(at: u64): bool {
  return (load_u16(at + Subscription.flags) & absoluteTime) !== 0;
}

/** The clock to look at. Real time may be set, which does not change how long a length is. */
function clockOf(at: u64): u32 {
  return isAbsolute(at) ? load_u32(at + Subscription.subject) : Clock.monotonic;
}

/** What {@link clockOf} shows when the time has come; of a length that ends beyond all times, the last moment. */
function deadline(at: u64): u64 {
  const timeout = load_u64(at + Subscription.timeout);
  return isAbsolute(at) ? timeout : start + min<u64>(timeout, ~start);
}

function timeLeft(at: u64): u64 {
  const end = deadline(at);
  const moment = now(clockOf(at));
  return end > moment ? end - moment : 0;
}

function subscription(list: u64, k: u32): u64 {
  return list + <u64>k * <u64>Subscription.size;
}

export function poll_oneoff(input: u32, output: u32, count: u32, stored: u32): u32 {
  if (count === 0 || count > maximum) return Errno.inval;
  const list = guest(input, <u64>count * <u64>Subscription.size);
  const events = guest(output, <u64>count * <u64>Event.size);
  const storedAt = guest(stored, 4);
  if (list === 0 || events === 0 || storedAt === 0) return Errno.fault;
  start = now(Clock.monotonic);
  let descriptors: u32 = 0;
  let atOnce = false;
  for (let k: u32 = 0; k < count; k++) {
    const at = subscription(list, k);
    const tag = load_u8(at + Subscription.tag);
    if (tag > <u32>Tag.write) return Errno.inval;
    if (subscriptionError(at) !== 0) atOnce = true;
    else if (tag !== Tag.clock) ask(descriptors++, at, tag);
  }
  let happened: u32 = 0;
  while (happened === 0) {
    const result = wait(list, count, descriptors, atOnce);
    if (result < 0) return errno(result);
    happened = collect(list, count, events);
  }
  store_u32(storedAt, happened);
  return Errno.success;
}

/** Writes the struct pollfd of a subscription. */
function ask(index: u32, at: u64, tag: u32): void {
  const to = polled + ((<usize>index) << 3);
  store<u32>(to, <u32>hostOf(load_u32(at + Subscription.subject)));
  store<u32>(to, tag === Tag.read ? Poll.input : Poll.output, 4);
}

/** Waits for the first subscription to come true, or for a signal, or not at all. 0 or -errno. */
function wait(list: u64, count: u32, descriptors: u32, atOnce: bool): i64 {
  let left: u64 = atOnce ? 0 : u64.MAX_VALUE;
  let first: u64 = 0;
  for (let k: u32 = 0; k < count && left > 0; k++) {
    const at = subscription(list, k);
    if (load_u8(at + Subscription.tag) !== Tag.clock) continue;
    const mine = timeLeft(at);
    if (first !== 0 && mine >= left) continue;
    left = mine;
    first = at;
  }
  if (descriptors > 0) return poll(descriptors, left, !atOnce && first === 0);
  return left === 0 ? 0 : sleepUntil(clockOf(first), deadline(first));
}

/** ppoll, for so long, or for ever. A signal's end of it is no error: what time is left is to be computed anew. */
function poll(descriptors: u32, left: u64, forever: bool): i64 {
  let result: i64 = 0;
  if (hasWideTimes()) result = pollFor(Sys.ppoll, descriptors, left, forever);
  if (!hasWideTimes() || lacksWideTimes(result)) result = pollFor(Sys.ppoll_old, descriptors, left, forever);
  return result === -(<i64>LinuxError.eintr) ? 0 : result;
}

function pollFor(call: Sys, descriptors: u32, left: u64, forever: bool): i64 {
  storeTimespec(timespec, left / nanoseconds, left % nanoseconds);
  const time = forever ? 0 : native(timespec);
  for (let k: u32 = 0; k < descriptors; k++) store<u16>(polled + ((<usize>k) << 3), 0, 6);
  return syscall(number(call), native(polled), <u64>descriptors, time, 0, 8, 0);
}

/** Writes the events of all subscriptions that have come true. Their number. */
function collect(list: u64, count: u32, events: u64): u32 {
  let happened: u32 = 0;
  let index: u32 = 0;
  for (let k: u32 = 0; k < count; k++) {
    const at = subscription(list, k);
    const to = events + <u64>happened * <u64>Event.size;
    const error = subscriptionError(at);
    if (error !== 0) {
      put(to, at, error);
      happened++;
    } else if (load_u8(at + Subscription.tag) === Tag.clock) {
      if (timeLeft(at) > 0) continue;
      put(to, at, Errno.success);
      happened++;
    } else {
      const entry = polled + ((<usize>index) << 3);
      index++;
      const found = <u32>load<u16>(entry, 6);
      if (found === 0) continue;
      const reads = load_u8(at + Subscription.tag) === Tag.read;
      put(to, at, (found & Poll.invalid) !== 0 ? Errno.badf : Errno.success);
      store_u64(to + Event.bytes, reads ? readable(<u64>load<u32>(entry)) : 1);
      store_u16(to + Event.flags, (found & (Poll.hangup | Poll.error)) !== 0 ? hangup : 0);
      happened++;
    }
  }
  return happened;
}

function put(to: u64, at: u64, error: u32): void {
  const userdata = load_u64(at);
  const tag = load_u8(at + Subscription.tag);
  fill(to, 0, Event.size);
  store_u64(to, userdata);
  store_u16(to + Event.error, error);
  store_u8(to + Event.type, tag);
}

/** Bytes that can be read at once, where the kernel can tell; else one at least. */
function readable(host: u64): u64 {
  const result = kernel(Sys.ioctl, host, bytesToRead, native(answer));
  return result === 0 ? <u64>load<u32>(answer) : 1;
}
