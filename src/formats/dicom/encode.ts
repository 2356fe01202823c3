import { type DicomSlice, PREAMBLE_BYTES } from "./slice.js";
import { elementBytes } from "./stored.js";

/**
 * A DICOM file that holds a slice's compressed pixels and what a decoder must know of them: no names, no scaling, no place. So the decoder
 * gives stored values, reads only tags that were checked, and sees nothing of the patient. Source: DICOM PS3.5 (7.1, A.4), PS3.10 (7.1).
 *
 * @param parts - the parts of the compressed stream
 */
export function encodeBareFile({ shape, dtype, bits, pixels }: DicomSlice, parts: readonly Uint8Array[]): Uint8Array {
  const group2 = joined([
    element(2, 0x0001, "OB", Uint8Array.of(0, 1)),
    element(2, 0x0002, "UI", text(SECONDARY_CAPTURE)),
    element(2, 0x0003, "UI", text(INSTANCE)),
    element(2, 0x0010, "UI", text(pixels.compression ?? "")),
    element(2, 0x0012, "UI", text(INSTANCE)),
  ]);
  const image = [
    element(8, 0x0016, "UI", text(SECONDARY_CAPTURE)),
    element(8, 0x0018, "UI", text(INSTANCE)),
    element(0x28, 0x0002, "US", small(1)),
    element(0x28, 0x0004, "CS", text("MONOCHROME2 ")),
    element(0x28, 0x0010, "US", small(shape[1])),
    element(0x28, 0x0011, "US", small(shape[0])),
    element(0x28, 0x0100, "US", small(8 * elementBytes(dtype))),
    element(0x28, 0x0101, "US", small(bits)),
    element(0x28, 0x0102, "US", small(bits - 1)),
    element(0x28, 0x0103, "US", small(dtype === "uint8" || dtype === "uint16" ? 0 : 1)),
  ];
  const items = parts.flatMap((part) => [header(ITEM, part.length), part]);
  return joined([
    new Uint8Array(PREAMBLE_BYTES),
    new TextEncoder().encode("DICM"),
    element(2, 0x0000, "UL", long(group2.length)),
    group2,
    ...image,
    joined([small(0x7fe0), small(0x0010), new TextEncoder().encode("OB"), small(0), long(UNDEFINED_LENGTH), header(ITEM, 0)]),
    ...items,
    header(SEQUENCE_END, 0),
  ]);
}

/** A class of images to which no rescaling belongs. */
const SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7";
/** Made from a UUID of zero, which is nobody's. */
const INSTANCE = "2.25.0";
const UNDEFINED_LENGTH = 2 ** 32 - 1;
const ITEM = [0xfffe, 0xe000] as const;
const SEQUENCE_END = [0xfffe, 0xe0dd] as const;

/** Types whose length takes four bytes, behind two that are 0. */
const LONG_TYPES = ["OB"];

function element(group: number, number: number, type: string, value: Uint8Array): Uint8Array {
  const length = LONG_TYPES.includes(type) ? [small(0), long(value.length)] : [small(value.length)];
  return joined([small(group), small(number), new TextEncoder().encode(type), ...length, value]);
}

function header([group, number]: readonly [number, number], length: number): Uint8Array {
  return joined([small(group), small(number), long(length)]);
}

/** Identifiers are padded with a 0 to an even length, words with a space. */
function text(value: string): Uint8Array {
  return new TextEncoder().encode(value.length % 2 === 0 ? value : `${value}\0`);
}

function small(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function long(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
