import { describe, expect, it } from "vitest";
import { concat, pickle, u32, u64 } from "../../test/weight-fixtures.js";
import { readPickle } from "./pickle.js";

const OPTIONS = { where: 'the pickle of "x"', globals: new Set(["collections.OrderedDict", "torch.Size"]) };

function load(bytes: Uint8Array) {
  return readPickle(bytes, 0, OPTIONS).value;
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

/**
 * `pickle.dumps([None, True, False, 7, 300, 70000, -1, 2**40, 2**70, -2**70, 1.5, "é", "x" * 300, b"ab", (), (1,), (1, 2),
 * (1, 2, 3), (1, 2, 3, 4), [1], [], {}, {"a": 1}, {1: 2, "b": None}, collections.OrderedDict(a=1)], protocol)` of Python 3.11;
 * in protocol 2 with the text "ab" for b"ab", which Python writes there as a call of _codecs.encode.
 */
const PYTHON: Readonly<Record<number, string>> = {
  2: "80025d7100284e88894b074d2c014a701101004affffffff8a060000000000018a090000000000000000408a090000000000000000c0473ff80000000000005802000000c3a97101582c0100007878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787102580200000061627103294b018571044b014b028671054b014b024b03877106284b014b024b034b047471075d71084b01615d71097d710a7d710b580100000061710c4b01737d710d284b014b02580100000062710e4e7563636f6c6c656374696f6e730a4f726465726564446963740a710f29527110680c4b0173652e",
  3: "80035d7100284e88894b074d2c014a701101004affffffff8a060000000000018a090000000000000000408a090000000000000000c0473ff80000000000005802000000c3a97101582c0100007878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787102430261627103294b018571044b014b028671054b014b024b03877106284b014b024b034b047471075d71084b01615d71097d710a7d710b580100000061710c4b01737d710d284b014b02580100000062710e4e7563636f6c6c656374696f6e730a4f726465726564446963740a710f29527110680c4b0173652e",
  4: "800495dd010000000000005d94284e88894b074d2c014a701101004affffffff8a060000000000018a090000000000000000408a090000000000000000c0473ff80000000000008c02c3a994582c010000787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878944302616294294b0185944b014b0286944b014b024b038794284b014b024b034b0474945d944b01615d947d947d948c0161944b01737d94284b014b028c0162944e758c0b636f6c6c656374696f6e73948c0b4f72646572656444696374949394295294680c4b0173652e",
  5: "800595dd010000000000005d94284e88894b074d2c014a701101004affffffff8a060000000000018a090000000000000000408a090000000000000000c0473ff80000000000008c02c3a994582c010000787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878944302616294294b0185944b014b0286944b014b024b038794284b014b024b034b0474945d944b01615d947d947d948c0161944b01737d94284b014b028c0162944e758c0b636f6c6c656374696f6e73948c0b4f72646572656444696374949394295294680c4b0173652e",
};

describe("what Python's pickler writes", () => {
  it.each(Object.keys(PYTHON).map(Number))("protocol %i is read", (protocol) => {
    expect(load(hex(PYTHON[protocol] ?? ""))).toEqual([
      null,
      true,
      false,
      7,
      300,
      70000,
      -1,
      2 ** 40,
      2n ** 70n,
      -(2n ** 70n),
      1.5,
      "é",
      "x".repeat(300),
      protocol > 2 ? Uint8Array.of(0x61, 0x62) : "ab",
      [],
      [1],
      [1, 2],
      [1, 2, 3],
      [1, 2, 3, 4],
      [1],
      [],
      new Map(),
      new Map([["a", 1]]),
      new Map<unknown, unknown>([
        [1, 2],
        ["b", null],
      ]),
      new Map([["a", 1]]),
    ]);
  });
});

describe("readPickle", () => {
  it("says where the pickle ended and leaves what follows", () => {
    const bytes = concat([9, 9], pickle.dump([1]), [1, 2, 3]);
    expect(readPickle(bytes, 2, OPTIONS)).toMatchObject({ value: [1], end: bytes.length - 3 });
  });

  it("records calls instead of making them", () => {
    expect(load(pickle.dump(pickle.call("torch", "Size", [[2, 3]])))).toEqual({ kind: "call", callee: "torch.Size", args: [[2, 3]] });
  });

  it("drops the state that BUILD sets", () => {
    expect(load(pickle.raw([0x80, 2], "]}b."))).toEqual([]);
  });

  it("lists every persistent id, also one that the value does not hold", () => {
    const { value, persistent } = readPickle(pickle.raw([0x80, 2], "K", [1], "Q0K", [2], "Q."), 0, OPTIONS);
    expect(value).toEqual({ kind: "persistent", id: 2 });
    expect(persistent.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("keeps dict keys that mean something to JavaScript objects", () => {
    expect(load(pickle.dump(new Map([["__proto__", 1]])))).toEqual(new Map([["__proto__", 1]]));
  });

  it("reads a list that holds itself", () => {
    const value = load(pickle.raw([0x80, 2], "]q", [0], "h", [0], "a."));
    expect(Array.isArray(value) && value[0]).toBe(value);
  });

  const P2 = [0x80, 2];
  const unsafe = (name: string) =>
    `it references "${name}", which is not on the list of allowed globals; nothing was executed; save model.state_dict() instead of the whole model`;
  it.each<[string, Uint8Array, string, string]>([
    ["nothing", new Uint8Array(0), "FILE_TRUNCATED", "the next opcode at byte 0 needs 1 bytes, 0 are left"],
    ["protocol 1", pickle.raw([0x80, 1], "N."), "FILE_UNSUPPORTED", "pickle protocol 1 is not supported, supported are 2 to 5"],
    ["protocol 6", pickle.raw([0x80, 6], "N."), "FILE_UNSUPPORTED", "pickle protocol 6 is not supported, supported are 2 to 5"],
    ["os.system", pickle.raw(P2, "cposix\nsystem\nX", u32(2), "ls", [0x85], "R."), "FILE_UNSAFE", unsafe("posix.system")],
    [
      "a global named on the stack",
      pickle.raw([0x80, 4, 0x8c, 2], "os", [0x8c, 6], "system", [0x93], "."),
      "FILE_UNSAFE",
      unsafe("os.system"),
    ],
    [
      "an allowed global's attribute",
      pickle.raw([0x80, 4, 0x8c, 5], "torch", [0x8c, 14], "Size.__class__", [0x93], "."),
      "FILE_UNSAFE",
      unsafe("torch.Size.__class__"),
    ],
    ["a global named like Object's", pickle.raw(P2, "cconstructor\n\n."), "FILE_UNSAFE", unsafe("constructor.")],
    ["control characters in a global", pickle.raw(P2, "cos\u001b[2J\nsystem\n."), "FILE_UNSAFE", unsafe("os [2J.system")],
    [
      "INST",
      pickle.raw(P2, "(ios\nsystem\n."),
      "FILE_UNSUPPORTED",
      "opcode 0x69 at byte 3 is not one that torch.save writes; nothing was executed",
    ],
    [
      "EXT1",
      pickle.raw(P2, [0x82, 1], "."),
      "FILE_UNSUPPORTED",
      "opcode 0x82 at byte 2 is not one that torch.save writes; nothing was executed",
    ],
    [
      "a name without end",
      pickle.raw(P2, `c${"a".repeat(300)}`),
      "FILE_LIMIT",
      "GLOBAL at byte 2 contains a global name of more than 256 bytes",
    ],
    ["a name that the file cuts off", pickle.raw(P2, "cos"), "FILE_TRUNCATED", "GLOBAL at byte 2 contains an unterminated global name"],
    [
      "a text of 2^60 bytes",
      pickle.raw(P2, [0x8d], u64(2n ** 60n), "a."),
      "FILE_TRUNCATED",
      `BINUNICODE8 at byte 2 needs ${2 ** 60} bytes, 2 are left`,
    ],
    [
      "bytes of 2^64 - 1",
      pickle.raw(P2, [0x8e], u64(2n ** 64n - 1n), "a."),
      "FILE_TRUNCATED",
      `BINBYTES8 at byte 2 needs ${2 ** 64} bytes, 2 are left`,
    ],
    [
      "a text of 2^32 - 1",
      pickle.raw(P2, "X", u32(2 ** 32 - 1), "a."),
      "FILE_TRUNCATED",
      "BINUNICODE at byte 2 needs 4294967295 bytes, 2 are left",
    ],
    [
      "a frame of 2^60",
      pickle.raw([0x80, 4, 0x95], u64(2n ** 60n), "N."),
      "FILE_TRUNCATED",
      `FRAME at byte 2 announces ${2 ** 60} bytes, 2 are left`,
    ],
    [
      "an integer of 2^32 - 1 bytes",
      pickle.raw(P2, [0x8b], u32(2 ** 32 - 1), "a."),
      "FILE_LIMIT",
      "LONG4 at byte 2 contains an integer of 4,294,967,295 bytes, the limit is 32",
    ],
    [
      "text that is not UTF-8",
      pickle.raw(P2, "X", u32(1), [0xff], "."),
      "FILE_CORRUPT",
      "BINUNICODE at byte 2 contains text that is not UTF-8",
    ],
    ["an empty stack at the end", pickle.raw(P2, "."), "FILE_CORRUPT", "STOP at byte 2 needs 1 values on the stack, it has 0"],
    ["a full stack at the end", pickle.raw(P2, "NN."), "FILE_CORRUPT", "STOP at byte 4 leaves values behind on the stack"],
    ["REDUCE without arguments", pickle.raw(P2, "NR."), "FILE_CORRUPT", "REDUCE at byte 3 needs 2 values on the stack, it has 1"],
    ["REDUCE of a text", pickle.raw(P2, "N)R."), "FILE_CORRUPT", "REDUCE at byte 4 calls a value that is not a global"],
    ["REDUCE with a number", pickle.raw(P2, "ctorch\nSize\nNR."), "FILE_CORRUPT", "REDUCE at byte 15 has arguments that are not a tuple"],
    ["values taken from below a mark", pickle.raw(P2, "N(0."), "FILE_CORRUPT", "POP at byte 4 needs 1 values on the stack, it has 0"],
    ["BINPUT of nothing", pickle.raw(P2, "q", [0], "."), "FILE_CORRUPT", "BINPUT at byte 2 needs 1 values on the stack, it has 0"],
    ["TUPLE without a mark", pickle.raw(P2, "Nt."), "FILE_CORRUPT", "TUPLE at byte 3 needs a mark on the stack, there is none"],
    [
      "a memo that was not stored",
      pickle.raw(P2, "h", [9], "."),
      "FILE_CORRUPT",
      "BINGET at byte 2 references memo 9, which was not stored",
    ],
    ["APPEND to a number", pickle.raw(P2, "K", [1], "Na."), "FILE_CORRUPT", "APPEND at byte 5 appends to a value that is not a list"],
    ["SETITEM on a list", pickle.raw(P2, "]NNs."), "FILE_CORRUPT", "SETITEM at byte 5 sets items of a value that is not a dict"],
    ["a key without a value", pickle.raw(P2, "}(Nu."), "FILE_CORRUPT", "SETITEMS at byte 5 has a key without a value"],
    [
      "a global named by numbers",
      pickle.raw([0x80, 4], "NN", [0x93], "."),
      "FILE_CORRUPT",
      "STACK_GLOBAL at byte 4 names a global with a value that is not text",
    ],
    [
      "an OrderedDict of numbers",
      pickle.dump(pickle.call("collections", "OrderedDict", [1])),
      "FILE_CORRUPT",
      "REDUCE at byte 34 builds an OrderedDict from a value that is not a list of pairs",
    ],
    ["a million dicts and one", pickle.raw(P2, "}".repeat(1_000_001), "."), "FILE_LIMIT", "it has more than 1000000 opcodes"],
  ])("refuses %s", (_, bytes, code, fact) => {
    expect(() => load(bytes)).toThrow(expect.objectContaining({ code, message: `Cannot read the pickle of "x": ${fact}` }));
  });
});
