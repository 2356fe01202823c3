import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { quoted } from "./quoted.js";

/**
 * A pickle reader that calls nothing. Python's unpickler imports the globals that a stream names and calls them; this one
 * writes down *that* a global was to be called, with its arguments, and refuses every global that is not on a closed
 * list. What comes out is inert data: null, booleans, numbers, strings, bytes, arrays (lists and tuples alike), maps
 * (dicts and OrderedDicts alike), and records of calls, globals and persistent ids.
 *
 * It knows the opcodes that Python's picklers of protocol 2 to 5 write for such data, and no others.
 * Source: pickletools of Python 3.11. Why not a library: docs/decisions/0002.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleCall
  | PicklePersistent;

/** A named class or function, `module.name`. */
interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** What a call of a global with these arguments would have made. State set on it afterwards is dropped. */
export interface PickleCall {
  readonly kind: "call";
  readonly callee: string;
  readonly args: readonly PickleValue[];
}

/** A reference to something outside the pickle. */
export interface PicklePersistent {
  readonly kind: "persistent";
  readonly id: PickleValue;
}

interface PickleOptions {
  /** What is read, for messages: `the pickle of "x.pth"`. */
  readonly where: string;
  /** Every global that may be named, as `module.name`. `collections.OrderedDict` becomes a Map where it is on the list. */
  readonly globals: ReadonlySet<string>;
  /** Opcodes that are read at most, default 1,000,000. */
  readonly maxOpcodes?: number;
}

/** A tensor takes 35, so this is 28,000 tensors; and with the costliest opcode (an empty dict) some 200 MB of memory. */
const MAX_OPCODES = 1_000_000;
/** Longest integer in bytes. The largest that torch.save writes is its 10-byte magic number. */
const MAX_INTEGER_BYTES = 32;
/** Longest module or global name in bytes; Python's longest dotted module paths are near 80. */
const MAX_NAME_BYTES = 256;
const HIGHEST_PROTOCOL = 5;
const ORDERED_DICT = "collections.OrderedDict";

interface Machine {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly options: PickleOptions;
  readonly decode: (bytes: Uint8Array) => string;
  readonly stack: PickleValue[];
  /** Stack heights at which a MARK was set. */
  readonly marks: number[];
  readonly memo: Map<number, PickleValue>;
  readonly persistent: PicklePersistent[];
  /** Next byte to read. */
  at: number;
  /** The opcode under way, for messages. */
  opcode: string;
  opcodeAt: number;
}

type Opcode = readonly [name: string, run: (machine: Machine) => void];

const STOP = 0x2e;

/** By code, as in Python's pickle.py. */
const OPCODES: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  [0x80, ["PROTO", (m) => checkProtocol(m, takeByte(m))]],
  [0x95, ["FRAME", (m) => checkFrame(m, takeLength8(m))]],
  [0x28, ["MARK", (m) => void m.marks.push(m.stack.length)]],
  [0x30, ["POP", (m) => void pop(m)]],
  [0x31, ["POP_MARK", (m) => void popToMark(m)]],

  [0x4e, ["NONE", (m) => void m.stack.push(null)]],
  [0x88, ["NEWTRUE", (m) => void m.stack.push(true)]],
  [0x89, ["NEWFALSE", (m) => void m.stack.push(false)]],
  [0x4a, ["BININT", (m) => void m.stack.push(m.view.getInt32(advance(m, 4), true))]],
  [0x4b, ["BININT1", (m) => void m.stack.push(takeByte(m))]],
  [0x4d, ["BININT2", (m) => void m.stack.push(m.view.getUint16(advance(m, 2), true))]],
  [0x8a, ["LONG1", (m) => void m.stack.push(takeInteger(m, takeByte(m)))]],
  [0x8b, ["LONG4", (m) => void m.stack.push(takeInteger(m, takeLength4(m)))]],
  [0x47, ["BINFLOAT", (m) => void m.stack.push(m.view.getFloat64(advance(m, 8), false))]],

  [0x8c, ["SHORT_BINUNICODE", (m) => void m.stack.push(takeText(m, takeByte(m)))]],
  [0x58, ["BINUNICODE", (m) => void m.stack.push(takeText(m, takeLength4(m)))]],
  [0x8d, ["BINUNICODE8", (m) => void m.stack.push(takeText(m, takeLength8(m)))]],
  // What Python 2 wrote for its str; old checkpoints have their tensor names so.
  [0x55, ["SHORT_BINSTRING", (m) => void m.stack.push(takeText(m, takeByte(m)))]],
  [0x54, ["BINSTRING", (m) => void m.stack.push(takeText(m, takeLength4(m)))]],
  [0x43, ["SHORT_BINBYTES", (m) => void m.stack.push(takeBytes(m, takeByte(m)))]],
  [0x42, ["BINBYTES", (m) => void m.stack.push(takeBytes(m, takeLength4(m)))]],
  [0x8e, ["BINBYTES8", (m) => void m.stack.push(takeBytes(m, takeLength8(m)))]],

  [0x29, ["EMPTY_TUPLE", (m) => void m.stack.push([])]],
  [0x85, ["TUPLE1", (m) => void m.stack.push(popMany(m, 1))]],
  [0x86, ["TUPLE2", (m) => void m.stack.push(popMany(m, 2))]],
  [0x87, ["TUPLE3", (m) => void m.stack.push(popMany(m, 3))]],
  [0x74, ["TUPLE", (m) => void m.stack.push(popToMark(m))]],
  [0x5d, ["EMPTY_LIST", (m) => void m.stack.push([])]],
  [0x61, ["APPEND", (m) => append(m, popMany(m, 1))]],
  [0x65, ["APPENDS", (m) => append(m, popToMark(m))]],
  [0x7d, ["EMPTY_DICT", (m) => void m.stack.push(new Map())]],
  [0x73, ["SETITEM", (m) => setItems(m, popMany(m, 2))]],
  [0x75, ["SETITEMS", (m) => setItems(m, popToMark(m))]],

  [0x68, ["BINGET", (m) => recall(m, takeByte(m))]],
  [0x6a, ["LONG_BINGET", (m) => recall(m, takeLength4(m))]],
  [0x71, ["BINPUT", (m) => void m.memo.set(takeByte(m), top(m))]],
  [0x72, ["LONG_BINPUT", (m) => void m.memo.set(takeLength4(m), top(m))]],
  [0x94, ["MEMOIZE", (m) => void m.memo.set(m.memo.size, top(m))]],

  [0x63, ["GLOBAL", (m) => pushGlobal(m, takeLine(m), takeLine(m))]],
  [0x93, ["STACK_GLOBAL", (m) => pushStackGlobal(m, popMany(m, 2))]],
  [0x52, ["REDUCE", (m) => reduce(m, popMany(m, 2))]],
  [0x62, ["BUILD", (m) => build(m)]],
  [0x51, ["BINPERSID", (m) => pushPersistent(m, pop(m))]],
]);

export interface PickleResult {
  readonly value: PickleValue;
  /** Where the pickle ended. */
  readonly end: number;
  /** Every persistent id that it named, in order, whether or not the value still holds it. */
  readonly persistent: readonly PicklePersistent[];
}

/**
 * Read one pickle.
 *
 * @param start - where it starts in `bytes`; what follows its STOP is not touched
 * @throws InceptionError FILE_UNSAFE (a global that is not on the list), FILE_TRUNCATED, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED (opcode or protocol)
 */
export function readPickle(bytes: Uint8Array, start: number, options: PickleOptions): PickleResult {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const machine: Machine = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    options,
    decode: (text) => decoder.decode(text),
    stack: [],
    marks: [],
    memo: new Map(),
    persistent: [],
    at: start,
    opcode: "PROTO",
    opcodeAt: start,
  };
  const maxOpcodes = options.maxOpcodes ?? MAX_OPCODES;
  for (let count = 0; count < maxOpcodes; count++) {
    machine.opcodeAt = machine.at;
    machine.opcode = "the next opcode";
    const code = takeByte(machine);
    if (code === STOP) return { value: finish(machine), end: machine.at, persistent: machine.persistent };
    const opcode = OPCODES.get(code);
    if (opcode === undefined) throw unknownOpcode(machine, code);
    machine.opcode = opcode[0];
    opcode[1](machine);
  }
  throw fail(machine, "FILE_LIMIT", `it has more than ${maxOpcodes} opcodes`);
}

type FailureCode = "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNSAFE" | "FILE_UNSUPPORTED";

function fail(machine: Machine, code: FailureCode, fact: string, details: Readonly<Record<string, unknown>> = {}): InceptionError {
  return new InceptionError(code, `Cannot read ${machine.options.where}: ${fact}`, { at: machine.opcodeAt, ...details });
}

/** "REDUCE at byte 17 …": the usual start of a complaint. */
function failHere(machine: Machine, code: FailureCode, fact: string): InceptionError {
  return fail(machine, code, `${machine.opcode} at byte ${machine.opcodeAt} ${fact}`);
}

function unknownOpcode(machine: Machine, code: number): InceptionError {
  const hex = code.toString(16).padStart(2, "0");
  return fail(
    machine,
    "FILE_UNSUPPORTED",
    `opcode 0x${hex} at byte ${machine.opcodeAt} is not one that torch.save writes; nothing was executed`,
  );
}

function finish(machine: Machine): PickleValue {
  machine.opcode = "STOP";
  const value = pop(machine);
  if (machine.stack.length > 0 || machine.marks.length > 0) throw failHere(machine, "FILE_CORRUPT", "leaves values behind on the stack");
  return value;
}

function checkProtocol(machine: Machine, protocol: number): void {
  if (protocol >= 2 && protocol <= HIGHEST_PROTOCOL) return;
  throw fail(machine, "FILE_UNSUPPORTED", `pickle protocol ${protocol} is not supported, supported are 2 to ${HIGHEST_PROTOCOL}`);
}

function checkFrame(machine: Machine, length: number): void {
  if (length <= machine.bytes.length - machine.at) return;
  throw failHere(machine, "FILE_TRUNCATED", `announces ${length} bytes, ${machine.bytes.length - machine.at} are left`);
}

/** Claim the next bytes; returns where they start. */
function advance(machine: Machine, length: number): number {
  const start = machine.at;
  if (length > machine.bytes.length - start) {
    throw failHere(machine, "FILE_TRUNCATED", `needs ${length} bytes, ${machine.bytes.length - start} are left`);
  }
  machine.at += length;
  return start;
}

function takeByte(machine: Machine): number {
  return machine.view.getUint8(advance(machine, 1));
}

function takeLength4(machine: Machine): number {
  return machine.view.getUint32(advance(machine, 4), true);
}

/** Beyond 2^53 it is rounded, and still larger than any file, which `advance` then refuses. */
function takeLength8(machine: Machine): number {
  return Number(machine.view.getBigUint64(advance(machine, 8), true));
}

function takeBytes(machine: Machine, length: number): Uint8Array {
  const start = advance(machine, length);
  return machine.bytes.subarray(start, start + length);
}

function takeText(machine: Machine, length: number): string {
  const bytes = takeBytes(machine, length);
  try {
    return machine.decode(bytes);
  } catch {
    throw failHere(machine, "FILE_CORRUPT", "contains text that is not UTF-8");
  }
}

function takeLine(machine: Machine): string {
  const limit = Math.min(machine.bytes.length, machine.at + MAX_NAME_BYTES + 1);
  const end = machine.bytes.subarray(machine.at, limit).indexOf(0x0a);
  if (end < 0 && limit === machine.bytes.length) throw failHere(machine, "FILE_TRUNCATED", "contains an unterminated global name");
  if (end < 0) throw failHere(machine, "FILE_LIMIT", `contains a global name of more than ${formatCount(MAX_NAME_BYTES)} bytes`);
  const line = takeText(machine, end);
  machine.at++;
  return line;
}

/** Little-endian two's complement. */
function takeInteger(machine: Machine, length: number): number | bigint {
  if (length > MAX_INTEGER_BYTES) {
    throw failHere(machine, "FILE_LIMIT", `contains an integer of ${formatCount(length)} bytes, the limit is ${MAX_INTEGER_BYTES}`);
  }
  let value = 0n;
  for (const byte of takeBytes(machine, length).toReversed()) value = (value << 8n) | BigInt(byte);
  value = BigInt.asIntN(8 * length, value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** How many values lie above the last mark: an opcode may take only those. */
function available(machine: Machine): number {
  return machine.stack.length - (machine.marks.at(-1) ?? 0);
}

function popMany(machine: Machine, count: number): PickleValue[] {
  const have = available(machine);
  if (have < count) throw failHere(machine, "FILE_CORRUPT", `needs ${count} values on the stack, it has ${have}`);
  return machine.stack.splice(machine.stack.length - count, count);
}

function pop(machine: Machine): PickleValue {
  const [value = null] = popMany(machine, 1);
  return value;
}

function top(machine: Machine): PickleValue {
  const value = available(machine) > 0 ? machine.stack.at(-1) : undefined;
  if (value === undefined) throw failHere(machine, "FILE_CORRUPT", "needs 1 values on the stack, it has 0");
  return value;
}

function popToMark(machine: Machine): PickleValue[] {
  const mark = machine.marks.pop();
  if (mark === undefined) throw failHere(machine, "FILE_CORRUPT", "needs a mark on the stack, there is none");
  return machine.stack.splice(mark);
}

function recall(machine: Machine, index: number): void {
  const value = machine.memo.get(index);
  if (value === undefined) throw failHere(machine, "FILE_CORRUPT", `references memo ${index}, which was not stored`);
  machine.stack.push(value);
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const list = top(machine);
  if (!Array.isArray(list)) throw failHere(machine, "FILE_CORRUPT", "appends to a value that is not a list");
  for (const item of items) list.push(item);
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const dict = top(machine);
  if (!(dict instanceof Map)) throw failHere(machine, "FILE_CORRUPT", "sets items of a value that is not a dict");
  if (items.length % 2 !== 0) throw failHere(machine, "FILE_CORRUPT", "has a key without a value");
  for (let at = 0; at < items.length; at += 2) dict.set(items[at] ?? null, items[at + 1] ?? null);
}

function pushGlobal(machine: Machine, module: string, name: string): void {
  const full = `${module}.${name}`;
  if (!machine.options.globals.has(full)) {
    throw fail(
      machine,
      "FILE_UNSAFE",
      `it references ${quoted(full)}, which is not on the list of allowed globals; nothing was executed; save model.state_dict() instead of the whole model`,
      { global: full },
    );
  }
  machine.stack.push({ kind: "global", name: full });
}

function pushStackGlobal(machine: Machine, [module, name]: readonly PickleValue[]): void {
  if (typeof module !== "string" || typeof name !== "string")
    throw failHere(machine, "FILE_CORRUPT", "names a global with a value that is not text");
  pushGlobal(machine, module, name);
}

function pushPersistent(machine: Machine, id: PickleValue): void {
  const persistent: PicklePersistent = { kind: "persistent", id };
  machine.persistent.push(persistent);
  machine.stack.push(persistent);
}

function isGlobal(value: PickleValue | undefined): value is PickleGlobal {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "global";
}

function reduce(machine: Machine, [callee, args]: readonly PickleValue[]): void {
  if (!isGlobal(callee)) throw failHere(machine, "FILE_CORRUPT", "calls a value that is not a global");
  if (!Array.isArray(args)) throw failHere(machine, "FILE_CORRUPT", "has arguments that are not a tuple");
  machine.stack.push(callee.name === ORDERED_DICT ? orderedDict(machine, args) : { kind: "call", callee: callee.name, args });
}

/** Python 3 makes it empty and sets items; Python 2 gave a list of pairs. */
function orderedDict(machine: Machine, [pairs = []]: readonly PickleValue[]): Map<PickleValue, PickleValue> {
  const dict = new Map<PickleValue, PickleValue>();
  for (const pair of Array.isArray(pairs) ? pairs : [pairs]) {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw failHere(machine, "FILE_CORRUPT", "builds an OrderedDict from a value that is not a list of pairs");
    dict.set(pair[0] ?? null, pair[1] ?? null);
  }
  return dict;
}

/** State is what a class would do with it; without classes it means nothing. */
function build(machine: Machine): void {
  pop(machine);
  top(machine);
}
