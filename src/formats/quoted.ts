/** 200 characters tell any real tensor path apart (the longest in use are near 80) and keep a message on one screen. */
const MAX_SHOWN = 200;

/**
 * A name out of a file, quoted for a message: control characters become spaces so that a terminal does not act on
 * them, and what is longer than 200 characters is cut.
 */
export function quoted(name: string): string {
  return `"${shortened(name)}"`;
}

/** Text from a file as `quoted` shows it, without the quotation marks. */
export function shortened(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
  return shown.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");
}
