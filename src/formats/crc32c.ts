/** The Castagnoli polynomial 0x1EDC6F41, bits reversed. RFC 3720, section 12.1. */
const POLYNOMIAL = 0x82f63b78;

/** The checksum of every single byte, so that a byte takes one step instead of eight. */
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  return remainder;
});

/**
 * CRC-32C of bytes, an unsigned 32-bit number: the checksum of iSCSI, ext4 and TFRecord files. Not the CRC-32 of zip.
 *
 * `crc32c(new TextEncoder().encode("123456789"))` is 0xe3069283.
 */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ byte) & 0xff] ?? 0);
  return (remainder ^ 0xffffffff) >>> 0;
}
