/** JSON of answers, checked while it is read: the server may be another one, or of another version. */
import { type Answer, ClientError } from "./transport.js";

type Fields = Readonly<Record<string, unknown>>;

/** The JSON object of an answer. @throws ClientError ANSWER_INVALID */
export function readJson(bytes: ArrayBuffer | Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalidAnswer("it is not JSON");
  }
  return fieldsOf(value, "the answer");
}

/** The whole answer read by one function. */
export function readAnswer<T>({ bytes }: Answer, read: (fields: Fields) => T): T {
  return read(readJson(bytes));
}

export function invalidAnswer(fact: string): ClientError {
  return new ClientError("ANSWER_INVALID", `Cannot use the answer: ${fact}`);
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidAnswer(`${what} is not an object`);
  return { ...value };
}

export function textAt(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === "string") return value;
  throw invalidAnswer(`${key} is not a text`);
}

export function numberAt(fields: Fields, key: string): number {
  const value = fields[key];
  if (typeof value === "number") return value;
  throw invalidAnswer(`${key} is not a number`);
}

export function listAt<T>(fields: Fields, key: string, read: (item: unknown, key: string) => T): readonly T[] {
  const value = fields[key];
  if (Array.isArray(value)) return value.map((item: unknown) => read(item, key));
  throw invalidAnswer(`${key} is not a list`);
}

/** For `listAt`: an item that is a text, or a number. */
export const textItem = (item: unknown, key: string): string => textAt({ [key]: item }, key);
export const numberItem = (item: unknown, key: string): number => numberAt({ [key]: item }, key);
