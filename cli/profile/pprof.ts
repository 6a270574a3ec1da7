import { gzipSync } from 'node:zlib';
import { type Frame, instructionsOf, lineOf, type ProfileModel, stacksOf } from './model.ts';
import { ProtobufMessage } from './protobuf.ts';

/** Field numbers of pprof's messages (https://github.com/google/pprof, proto/profile.proto). */
const fields = {
  profile: {
    sampleType: 1,
    sample: 2,
    mapping: 3,
    location: 4,
    function: 5,
    stringTable: 6,
    periodType: 11,
    period: 12,
    comment: 13,
    defaultSampleType: 14,
  },
  valueType: { type: 1, unit: 2 },
  sample: { locationId: 1, value: 2, label: 3 },
  label: { key: 1, str: 2 },
  mapping: { id: 1, memoryLimit: 3, filename: 5, hasFunctions: 7, hasFilenames: 8, hasLineNumbers: 9 },
  location: { id: 1, mappingId: 2, address: 3, line: 4 },
  line: { functionId: 1, line: 2 },
  function: { id: 1, name: 2, systemName: 3, filename: 4, startLine: 5 },
} as const;

/** Names of the label that samples have whose outermost frames are unknown; its value is the cause. */
export const unattributedLabel = 'unattributed';

/**
 * A profile as pprof reads it (`profile.proto`, gzip). Mappings are modules, addresses byte offsets in their binaries, lines those
 * of their text ({@link ModuleText}). Frames of inlined functions are locations of their own, as an
 * operator's address is the same wherever it was inlined: so `has_inline_frames` is not set.
 */
export function writePprof(model: ProfileModel): Uint8Array {
  const { profile, modules, functions, title } = model;
  const strings = new Strings();
  const out = new ProtobufMessage();
  const valueType = (type: string): ProtobufMessage =>
    new ProtobufMessage()
      .integer(fields.valueType.type, strings.index(type))
      .integer(fields.valueType.unit, strings.index('count'));
  out.message(fields.profile.sampleType, valueType('samples'));
  if (profile.interval !== undefined) {
    out.message(fields.profile.sampleType, valueType('instructions'));
    out
      .message(fields.profile.periodType, valueType('instructions'))
      .integer(fields.profile.period, profile.interval);
  }
  const locations = new Locations(out);
  for (const { frames, count } of stacksOf(model)) {
    const sample = new ProtobufMessage().integers(
      fields.sample.locationId,
      frames.map((frame) => locations.id(frame)),
    );
    const instructions = instructionsOf(count, profile);
    sample.integers(fields.sample.value, instructions === undefined ? [count] : [count, instructions]);
    const outermost = frames[frames.length - 1].function;
    if (outermost.kind === 'cause')
      sample.message(
        fields.sample.label,
        new ProtobufMessage()
          .integer(fields.label.key, strings.index(unattributedLabel))
          .integer(fields.label.str, strings.index(outermost.name.slice(1, -1))),
      );
    out.message(fields.profile.sample, sample);
  }
  for (const { id, label, module } of modules)
    out.message(
      fields.profile.mapping,
      new ProtobufMessage()
        .integer(fields.mapping.id, id + 1)
        .integer(fields.mapping.memoryLimit, module.bytes.length)
        .integer(fields.mapping.filename, strings.index(label))
        .boolean(fields.mapping.hasFunctions, true)
        .boolean(fields.mapping.hasFilenames, true)
        .boolean(fields.mapping.hasLineNumbers, true),
    );
  for (const of of functions) {
    const name = strings.index(of.name);
    out.message(
      fields.profile.function,
      new ProtobufMessage()
        .integer(fields.function.id, of.id + 1)
        .integer(fields.function.name, name)
        .integer(fields.function.systemName, name)
        .integer(fields.function.filename, strings.index(of.source?.label ?? ''))
        .integer(fields.function.startLine, lineOf(of, -1)),
    );
  }
  out.integers(fields.profile.comment, [strings.index(`fathom: ${title}, ${profile.target}`)]);
  out.integer(fields.profile.defaultSampleType, strings.index('samples'));
  for (const text of strings.table) out.string(fields.profile.stringTable, text);
  return gzipSync(out.bytes());
}

/** pprof's string table; the empty string is its first. */
class Strings {
  readonly table: string[] = [''];
  private readonly known = new Map([['', 0]]);

  index(text: string): number {
    let index = this.known.get(text);
    if (index === undefined) {
      index = this.table.length;
      this.table.push(text);
      this.known.set(text, index);
    }
    return index;
  }
}

/** Writes each location when it is first asked for. */
class Locations {
  private readonly out: ProtobufMessage;
  private readonly known = new Map<string, number>();

  constructor(out: ProtobufMessage) {
    this.out = out;
  }

  id({ function: of, offset, line }: Frame): number {
    const key = `${of.id},${offset}`;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const id = this.known.size + 1;
    this.known.set(key, id);
    const { source, wasmIndex } = of;
    const location = new ProtobufMessage().integer(fields.location.id, id);
    if (source !== undefined && wasmIndex >= 0)
      location
        .integer(fields.location.mappingId, source.id + 1)
        .integer(fields.location.address, offset < 0 ? source.module.functions[wasmIndex].bodyStart : offset);
    location.message(
      fields.location.line,
      new ProtobufMessage().integer(fields.line.functionId, of.id + 1).integer(fields.line.line, line),
    );
    this.out.message(fields.profile.location, location);
    return id;
  }
}
