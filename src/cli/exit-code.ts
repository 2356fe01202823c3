/**
 * What the program tells the shell. One rule for all commands; docs/commands.md and `inception --help` state it.
 */
export const EXIT = {
  /** Everything succeeded. */
  success: 0,
  /** The command ran, but some inputs failed or a check did not hold. */
  failed: 1,
  /** Invalid usage or input: nothing could be done. */
  unusable: 2,
  /** A bug in inceptionkit. */
  internal: 70,
} as const;

/** Of a command that takes several inputs: 0 if all could be used, 1 if some, 2 if none. */
export function exitCodeOf(failed: number, total: number): number {
  if (failed === 0) return EXIT.success;
  return failed < total ? EXIT.failed : EXIT.unusable;
}
