/** The Open Inference Protocol, version 2, over REST: open_inference_rest.yaml, and the binary tensor extension. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ModelService } from "../model-service.js";
import { readJsonObject } from "./body.js";
import { invalidRequest, RequestError } from "./problem.js";
import { type AppOptions, bodyOf, modelOf, requestOptions } from "./request.js";
import { bytesOf, datatypeOf, jsonData, readTensor, recordOf } from "./v2-tensors.js";

interface Named {
  readonly Params: { readonly name: string; readonly version?: string };
}

/** The header that says where the JSON of a body ends and bytes of tensors start. */
const HEADER_LENGTH = "inference-header-content-length";

/** Every model has one version: a directory with another model replaces it. */
const VERSION = "1";

/** More inputs than any network has. */
const MAX_TENSORS = 64;

const EXTENSIONS = ["binary_tensor_data"];

export function v2Routes(app: FastifyInstance, options: AppOptions): void {
  app.get("/v2", async () => ({ name: "inceptionkit", version: options.version, extensions: EXTENSIONS }));
  app.get("/v2/health/live", async () => ({ live: true }));
  app.get("/v2/health/ready", async (_request, reply) => reply.code(options.isReady() ? 200 : 503).send({ ready: options.isReady() }));
  for (const model of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.get<Named>(model, async (request) => metadataOf(served(options, request)));
    app.get<Named>(`${model}/ready`, async (request, reply) => {
      const { name } = served(options, request).facts;
      return reply.code(options.isReady() ? 200 : 503).send({ name, ready: options.isReady() });
    });
    app.post<Named>(`${model}/infer`, (request, reply) => infer(options, request, reply));
  }
}

/** @throws RequestError 404 for another version */
function served(options: AppOptions, { params: { name, version } }: FastifyRequest<Named>): ModelService {
  const model = modelOf(options, name);
  if (version === undefined || version === VERSION) return model;
  throw new RequestError(
    404,
    "MODEL_NOT_FOUND",
    `Cannot find version ${JSON.stringify(version)} of model "${name}": it has version ${VERSION}`,
  );
}

function metadataOf({ facts }: ModelService) {
  const described = ({ name, dtype, shape }: (typeof facts.inputs)[number]) => ({
    name,
    datatype: datatypeOf(dtype),
    // -1 is the protocol's word for a size that is free until a request.
    shape: shape.map((size) => (typeof size === "number" ? size : -1)),
  });
  return {
    name: facts.name,
    versions: [VERSION],
    platform: "onnx_onnxruntime",
    inputs: facts.inputs.map(described),
    outputs: facts.outputs.map(described),
  };
}

/** An output that a request wants. */
interface Wanted {
  readonly name: string;
  readonly binary: boolean;
}

async function infer(options: AppOptions, request: FastifyRequest<Named>, reply: FastifyReply): Promise<FastifyReply> {
  const model = served(options, request);
  const { header, take, end } = splitBody(bodyOf(request), request.headers[HEADER_LENGTH]);
  const { id, inputs } = header;
  if (id !== undefined && typeof id !== "string") throw invalidRequest("Cannot read the request: expected id as text");
  if (!Array.isArray(inputs) || inputs.length > MAX_TENSORS)
    throw invalidRequest(`Cannot read the request: expected a list of at most ${MAX_TENSORS} inputs`);
  const tensors = inputs.map((input: unknown) => readTensor(input, take));
  end();
  const names = new Set(tensors.map(({ name }) => name));
  if (names.size < tensors.length) throw invalidRequest("Cannot read the request: two inputs have one name");
  const wanted = wantedOutputs(header, model);
  const feeds = Object.fromEntries(tensors.map(({ name, tensor }) => [name, tensor]));
  const { outputs } = await model.ask({ kind: "infer", feeds, fetches: wanted.map(({ name }) => name) }, requestOptions(request, reply));
  const began = performance.now();
  const chunks: Uint8Array[] = [];
  const described = wanted.map(({ name, binary }) => {
    const tensor = outputs[name];
    if (tensor === undefined) throw new RangeError(`Cannot answer: the model did not compute ${name}`);
    const head = { name, datatype: datatypeOf(tensor.dtype), shape: tensor.shape };
    if (!binary) return { ...head, data: jsonData(name, tensor) };
    const bytes = bytesOf(tensor);
    chunks.push(bytes);
    return { ...head, parameters: { binary_data_size: bytes.byteLength } };
  });
  const answer = { model_name: model.facts.name, model_version: VERSION, ...(id === undefined ? {} : { id }), outputs: described };
  const json = Buffer.from(JSON.stringify(answer));
  options.metrics.onEncode(model.facts.name, (performance.now() - began) / 1000);
  if (chunks.length === 0) return reply.type("application/json; charset=utf-8").send(json);
  return reply
    .type("application/octet-stream")
    .header(HEADER_LENGTH, json.byteLength)
    .send(Buffer.concat([json, ...chunks]));
}

/** The JSON of a body, and what gives the bytes after it, in their order. */
function splitBody(body: Uint8Array, length: string | readonly string[] | undefined) {
  const headerBytes = length === undefined ? body.byteLength : Number(length);
  if (!Number.isSafeInteger(headerBytes) || headerBytes < 0 || headerBytes > body.byteLength) {
    throw invalidRequest(`Cannot read the request: expected ${HEADER_LENGTH} from 0 to ${body.byteLength}, the length of the body`);
  }
  let at = headerBytes;
  return {
    header: readJsonObject(body.subarray(0, headerBytes)),
    take: (size: number): Uint8Array => {
      if (at + size > body.byteLength)
        throw invalidRequest(`Cannot read the request: the body has ${body.byteLength - at} bytes for an input of ${size}`);
      at += size;
      return body.subarray(at - size, at);
    },
    end: (): void => {
      if (at < body.byteLength) throw invalidRequest(`Cannot read the request: ${body.byteLength - at} bytes belong to no input`);
    },
  };
}

/** The outputs that a request names, or all; each as bytes where it or the request asks for that. */
function wantedOutputs({ outputs, parameters }: Readonly<Record<string, unknown>>, { facts }: ModelService): readonly Wanted[] {
  const all = recordOf(parameters ?? {}, "parameters").binary_data_output === true;
  const known = facts.outputs.map(({ name }) => name);
  if (outputs === undefined || (Array.isArray(outputs) && outputs.length === 0)) return known.map((name) => ({ name, binary: all }));
  if (!Array.isArray(outputs) || outputs.length > MAX_TENSORS) throw invalidRequest("Cannot read the request: expected outputs as a list");
  return outputs.map((value: unknown) => {
    const { name, parameters: own } = recordOf(value, "an output");
    if (typeof name !== "string" || !known.includes(name)) {
      throw invalidRequest(`Cannot compute output ${JSON.stringify(name)}: the model has ${known.join(", ")}`);
    }
    const { binary_data: binary, classification } = recordOf(own ?? {}, "parameters");
    if (classification !== undefined)
      throw invalidRequest("Cannot classify outputs: the classification extension is not supported; use /v1");
    return { name, binary: typeof binary === "boolean" ? binary : all };
  });
}
