/** `POST /v1/models/{name}/…`: files in, answers of the tasks out. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ExplanationName, Prediction } from "inceptionkit";
import { encodeNpy, float32Tensor } from "inceptionkit/core";
import { encodeNifti } from "inceptionkit/data";
import { EXPLANATION_NAMES } from "inceptionkit/explain";
import { acceptedType } from "./accept.js";
import { fileOf } from "./body.js";
import { type AppOptions, bodyOf, modelOf, requestOptions } from "./request.js";

const JSON_TYPE = "application/json";
const NPY = "application/x-npy";
const PNG = "image/png";
const NIFTI = "application/x-nifti";
const NIFTI_GZ = "application/gzip";

interface Named {
  readonly Params: { readonly name: string };
}

const packed = promisify(gzip);

export function taskRoutes(app: FastifyInstance, options: AppOptions): void {
  app.get("/v1/models", async () => ({
    models: [...options.models.values()].map(({ facts: { inputs: _i, outputs: _o, classNames, ...facts } }) => ({
      ...facts,
      classes: classNames?.length ?? null,
    })),
  }));
  app.post<Named & { Querystring: { readonly top: number } }>(
    "/v1/models/:name/classify",
    { schema: { querystring: query({ top: { type: "integer", minimum: 1, maximum: 100_000, default: 5 } }) } },
    async (request, reply) => {
      const type = acceptedType(request.headers.accept, [JSON_TYPE]);
      const { model, file } = await given(options, request, "image");
      const asked = { kind: "classify", image: file, top: request.query.top } as const;
      const { top, unknown } = await model.ask(asked, requestOptions(request, reply));
      return answer(options, request, reply, type, async () =>
        // A model without a threshold for unknown images has no decision, and JSON no key for it.
        JSON.stringify({ model: model.facts.name, top: top.map(shown), unknown }),
      );
    },
  );
  app.post<Named & { Querystring: { readonly normalize: boolean } }>(
    "/v1/models/:name/embed",
    { schema: { querystring: query({ normalize: { type: "boolean", default: false } }) } },
    async (request, reply) => {
      const type = acceptedType(request.headers.accept, [JSON_TYPE, NPY]);
      const { model, file } = await given(options, request, "image");
      const { vector } = await model.ask(
        { kind: "embed", image: file, normalize: request.query.normalize },
        requestOptions(request, reply),
      );
      return answer(options, request, reply, type, async () =>
        type === NPY
          ? encodeNpy(float32Tensor([vector.length], vector))
          : JSON.stringify({ model: model.facts.name, embedding: [...vector] }),
      );
    },
  );
  app.post<Named & { Querystring: { readonly method: ExplanationName; readonly target?: string } }>(
    "/v1/models/:name/explain",
    {
      schema: {
        querystring: query({
          method: { type: "string", enum: [...EXPLANATION_NAMES], default: "grad_cam" },
          target: { type: "string", maxLength: 200 },
        }),
      },
    },
    async (request, reply) => {
      const type = acceptedType(request.headers.accept, [PNG, JSON_TYPE, NPY]);
      const { model, file } = await given(options, request, "image");
      const { method, target } = request.query;
      const { explanation } = await model.ask({ kind: "explain", image: file, method, target }, requestOptions(request, reply));
      return answer(options, request, reply, type, async () => {
        const [map] = explanation.attributions;
        if (type === PNG || map === undefined) return explanation.overlayPng();
        if (type === NPY) return encodeNpy(float32Tensor([map.height, map.width], map.values));
        const { width, height, peak } = map;
        return JSON.stringify({
          model: model.facts.name,
          method,
          target: shown(explanation.targetClass),
          top: explanation.top.map(shown),
          width,
          height,
          peak,
        });
      });
    },
  );
  app.post<Named>("/v1/models/:name/segment", { schema: { querystring: query({}) } }, async (request, reply) => {
    const type = acceptedType(request.headers.accept, [NIFTI_GZ, NIFTI, JSON_TYPE, NPY, PNG]);
    const { model, file } = await given(options, request, "volume");
    const { segmented } = await model.ask({ kind: "segment", volume: file }, requestOptions(request, reply));
    return answer(options, request, reply, type, async () => {
      const { labels, labelStatistics, warnings } = segmented;
      if (type === JSON_TYPE)
        return JSON.stringify({
          model: model.facts.name,
          shape: labels.shape,
          labels: labelStatistics,
          warnings: warnings?.map(({ message }) => message) ?? null,
        });
      if (type === PNG) return segmented.overlayPng();
      // NumPy's order has the last axis fastest, a volume the first.
      if (type === NPY) return encodeNpy({ dtype: "int32", shape: labels.shape.toReversed(), data: Int32Array.from(labels.data) });
      const file = Buffer.concat(encodeNifti(labels, segmented.header));
      return type === NIFTI ? file : packed(file);
    });
  });
}

function query(properties: Readonly<Record<string, object>>): object {
  return { type: "object", properties, additionalProperties: false };
}

async function given(options: AppOptions, request: FastifyRequest<Named>, key: string) {
  const model = modelOf(options, request.params.name);
  return { model, file: await fileOf(bodyOf(request), request.headers["content-type"], key) };
}

/** A prediction as `inception classify --json` prints it. */
function shown({ index, className, probability }: Prediction) {
  return { index, label: className, probability };
}

async function answer(
  options: AppOptions,
  request: FastifyRequest<Named>,
  reply: FastifyReply,
  type: string,
  encode: () => Promise<string | Uint8Array>,
): Promise<FastifyReply> {
  const began = performance.now();
  const content = await encode();
  options.metrics.onEncode(request.params.name, (performance.now() - began) / 1000);
  return reply
    .type(type === JSON_TYPE ? "application/json; charset=utf-8" : type)
    .header("vary", "accept")
    .send(typeof content === "string" ? content : Buffer.from(content.buffer, content.byteOffset, content.byteLength));
}
