import { InceptionError } from "../errors.js";

/** SHA-256 of the content, or git's SHA-1 of a file, which covers its length as well. */
export interface Checksum {
  readonly kind: "sha256" | "git";
  readonly hex: string;
}

/**
 * @param name - how messages name the file
 * @throws InceptionError HASH_MISMATCH
 */
export function compareHash(name: string, expected: Checksum, actual: string): void {
  if (actual === expected.hex) return;
  const kind = expected.kind === "git" ? "git SHA-1" : "SHA-256";
  const message = `Cannot use ${name}: its ${kind} is ${actual}, expected ${expected.hex}`;
  throw new InceptionError("HASH_MISMATCH", message, { name, expected: expected.hex, actual });
}
