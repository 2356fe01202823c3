/** Tensors of the Open Inference Protocol as bytes after the JSON (the binary tensor extension). */
import { fieldsOf, invalidAnswer, listAt, numberAt, numberItem, readJson, textAt, textItem } from "./json.js";
import { type Answer, ClientError, type RequestSettings } from "./transport.js";

/** Elements of a tensor in row-major order. FP16 and BF16 are their bits, BOOL is 0 or 1. */
export type TensorElements =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** A tensor that is sent or received. */
export interface ServerTensor {
  readonly shape: readonly number[];
  readonly data: TensorElements;
  /** The protocol's name of the element type, e.g. `FP16` (default for tensors that are sent: that of the array, e.g. `UINT16`). */
  readonly datatype?: string;
}

export interface InferSettings extends RequestSettings {
  /** Names of the outputs to compute (default: all). */
  readonly outputs?: readonly string[];
  /** Version of the model (default: the server's choice). */
  readonly version?: string;
  /** Returned in the answer. */
  readonly id?: string;
}

/** Answer of `infer`. */
export interface InferAnswer {
  readonly model: string;
  readonly version: string | null;
  readonly id: string | null;
  /** By name. */
  readonly outputs: Readonly<Record<string, Required<ServerTensor>>>;
}

/** Name, element type and shape of an input or output; -1 is a size that is free until a request. */
export interface TensorFacts {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** Inputs and outputs of a model. */
export interface ModelTensors {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
}

const READERS: Readonly<Record<string, (bytes: ArrayBuffer) => TensorElements>> = {
  FP32: (bytes) => new Float32Array(bytes),
  FP64: (bytes) => new Float64Array(bytes),
  INT8: (bytes) => new Int8Array(bytes),
  INT16: (bytes) => new Int16Array(bytes),
  INT32: (bytes) => new Int32Array(bytes),
  INT64: (bytes) => new BigInt64Array(bytes),
  UINT8: (bytes) => new Uint8Array(bytes),
  UINT16: (bytes) => new Uint16Array(bytes),
  UINT32: (bytes) => new Uint32Array(bytes),
  UINT64: (bytes) => new BigUint64Array(bytes),
  BOOL: (bytes) => new Uint8Array(bytes),
  FP16: (bytes) => new Uint16Array(bytes),
  BF16: (bytes) => new Uint16Array(bytes),
};

/** `Float32Array` is FP32, `BigUint64Array` is UINT64. */
function datatypeOf(data: TensorElements): string {
  const bits = 8 * data.BYTES_PER_ELEMENT;
  return data[Symbol.toStringTag].replace(
    /^(Float|(?:Big)?(Int|Uint)).*/,
    (_, float: string, integer?: string) => `${integer === undefined && float === "Float" ? "FP" : (integer ?? "").toUpperCase()}${bits}`,
  );
}

/** The body of a request, and how many of its bytes are JSON. @throws ClientError OPTION_INVALID */
export function encodeInfer(
  inputs: Readonly<Record<string, ServerTensor>>,
  { outputs, id }: InferSettings,
): { readonly body: Uint8Array; readonly headerLength: number } {
  const chunks: Uint8Array[] = [];
  const described = Object.entries(inputs).map(([name, { shape, data, datatype = datatypeOf(data) }]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== data.length) {
      const fact = `its shape [${shape.join(", ")}] has ${count} elements, data has ${data.length}`;
      throw new ClientError("OPTION_INVALID", `Cannot send input ${JSON.stringify(name)}: ${fact}`);
    }
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { name, shape, datatype, parameters: { binary_data_size: data.byteLength } };
  });
  const json = new TextEncoder().encode(
    JSON.stringify({
      ...(id === undefined ? {} : { id }),
      inputs: described,
      ...(outputs === undefined ? {} : { outputs: outputs.map((name) => ({ name, parameters: { binary_data: true } })) }),
      parameters: { binary_data_output: true },
    }),
  );
  const body = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, json.byteLength));
  body.set(json);
  let at = json.byteLength;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return { body, headerLength: json.byteLength };
}

/** @throws ClientError ANSWER_INVALID */
export function decodeInfer({ headers, bytes }: Answer): InferAnswer {
  const length = headers.get("inference-header-content-length");
  let at = length === null ? bytes.byteLength : Number(length);
  if (!(at >= 0 && at <= bytes.byteLength)) throw invalidAnswer(`it has ${bytes.byteLength} bytes, its JSON ${length}`);
  const fields = readJson(bytes.slice(0, at));
  const outputs = listAt(fields, "outputs", (value) => {
    const output = fieldsOf(value, "an output");
    const { name, datatype, shape } = tensorFactsOf(output);
    const size = numberAt(fieldsOf(output.parameters, `the parameters of ${name}`), "binary_data_size");
    const read = Object.hasOwn(READERS, datatype) ? READERS[datatype] : undefined;
    const chunk = bytes.slice(at, at + size);
    if (read === undefined) throw invalidAnswer(`${name} has the type ${datatype}`);
    const count = shape.reduce((product, each) => product * each, 1);
    const width = read(new ArrayBuffer(0)).BYTES_PER_ELEMENT;
    if (chunk.byteLength !== size || size !== count * width)
      throw invalidAnswer(`${name} has ${size} bytes, its shape takes ${count * width}`);
    at += size;
    return [name, { shape, datatype, data: read(chunk) }] as const;
  });
  return {
    model: textAt(fields, "model_name"),
    version: fields.model_version === undefined ? null : textAt(fields, "model_version"),
    id: fields.id === undefined ? null : textAt(fields, "id"),
    outputs: Object.fromEntries(outputs),
  };
}

export function modelTensorsOf(fields: Readonly<Record<string, unknown>>): ModelTensors {
  return {
    name: textAt(fields, "name"),
    versions: fields.versions === undefined ? [] : listAt(fields, "versions", textItem),
    platform: textAt(fields, "platform"),
    inputs: listAt(fields, "inputs", tensorFactsOf),
    outputs: listAt(fields, "outputs", tensorFactsOf),
  };
}

function tensorFactsOf(value: unknown): TensorFacts {
  const fields = fieldsOf(value, "a tensor");
  return { name: textAt(fields, "name"), datatype: textAt(fields, "datatype"), shape: listAt(fields, "shape", numberItem) };
}
