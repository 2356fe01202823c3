/**
 * TensorBoard's event files: a sequence of records, each an `Event` message.
 *
 *     uint64 length | uint32 masked CRC-32C of the length | Event | uint32 masked CRC-32C of the Event     (little-endian)
 *
 * Sources: tensorflow/core/lib/io/record_writer.cc (framing and mask), tensorflow/core/util/event.proto and
 * tensorflow/core/framework/summary.proto (field numbers). Only writing: what a run measured is read from its own files.
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { InceptionError } from "../errors.js";
import { crc32c } from "./crc32c.js";

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;

const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, image: 4 } as const;
const IMAGE = { height: 1, width: 2, colorspace: 3, encodedImage: 4 } as const;

/** Channels of a picture, which TensorBoard calls its color space: gray, RGB or RGB with alpha. */
type SummaryChannels = 1 | 3 | 4;

/** When and where in the run something was measured. Time is passed in: nothing here reads a clock. */
interface EventMoment {
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** Optimizer steps, from 0. */
  readonly step: number;
}

/** The record that every event file begins with; readers take the file for foreign without it. */
export function encodeFileVersion(wallTime: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  writer.tag(EVENT.fileVersion, WireType.LengthDelimited).string("brain.Event:2");
  return encodeRecord(writer.finish());
}

/**
 * One record with numbers of one step. TensorBoard draws a curve for each tag and groups tags by what is before the
 * first slash. Values are stored as float32: larger ones become infinite, NaN stays NaN.
 *
 * @throws InceptionError OPTION_INVALID for a step that is no count
 */
export function encodeScalars(moment: EventMoment, scalars: Iterable<readonly [tag: string, value: number]>): Uint8Array {
  return encodeSummary(moment, (summary) => {
    for (const [tag, value] of scalars) {
      summary.tag(SUMMARY.value, WireType.LengthDelimited).fork();
      writeTag(summary, tag);
      // BinaryWriter refuses finite values that float32 has not; rounding first is what every other writer does.
      summary.tag(VALUE.simpleValue, WireType.Bit32).float(Math.fround(value));
      summary.join();
    }
  });
}

/**
 * One record with a picture of one step.
 *
 * @param encoded - the picture as a PNG, JPEG or GIF file
 * @throws InceptionError OPTION_INVALID for a step that is no count
 */
export function encodeImage(
  moment: EventMoment,
  tag: string,
  picture: { readonly width: number; readonly height: number; readonly channels: SummaryChannels; readonly encoded: Uint8Array },
): Uint8Array {
  return encodeSummary(moment, (summary) => {
    summary.tag(SUMMARY.value, WireType.LengthDelimited).fork();
    writeTag(summary, tag);
    summary.tag(VALUE.image, WireType.LengthDelimited).fork();
    summary.tag(IMAGE.height, WireType.Varint).int32(picture.height);
    summary.tag(IMAGE.width, WireType.Varint).int32(picture.width);
    summary.tag(IMAGE.colorspace, WireType.Varint).int32(picture.channels);
    summary.tag(IMAGE.encodedImage, WireType.LengthDelimited).bytes(picture.encoded);
    summary.join().join();
  });
}

function encodeSummary(moment: EventMoment, write: (summary: BinaryWriter) => void): Uint8Array {
  const { wallTime, step } = moment;
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new InceptionError("OPTION_INVALID", `Cannot write an event of step ${step}: expected an integer of at least 0`, { step });
  }
  const writer = new BinaryWriter();
  writer.tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  writer.tag(EVENT.step, WireType.Varint).int64(step);
  writer.tag(EVENT.summary, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
  return encodeRecord(writer.finish());
}

/** Half a surrogate pair is no text and protobuf's strings are UTF-8: the encoder replaces it by U+FFFD. */
function writeTag(writer: BinaryWriter, tag: string): void {
  writer.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
}

/** Frame bytes as one record of a TFRecord file. */
export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(LENGTH_BYTES + CHECKSUM_BYTES + data.byteLength + CHECKSUM_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.byteLength), true);
  view.setUint32(LENGTH_BYTES, maskedCrc32c(record.subarray(0, LENGTH_BYTES)), true);
  record.set(data, LENGTH_BYTES + CHECKSUM_BYTES);
  view.setUint32(record.byteLength - CHECKSUM_BYTES, maskedCrc32c(data), true);
  return record;
}

/**
 * The checksum turned by 15 bits plus a constant, so that the checksum of data that holds checksums stays a good one
 * (tensorflow/core/lib/hash/crc32c.h).
 */
export function maskedCrc32c(data: Uint8Array): number {
  const checksum = crc32c(data);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
