import { concatChunks } from "../formats/concat-chunks.js";
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import type { SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { type ExportOnnxOptions, encodeOnnx } from "./export.js";
import type { ModelHost, OpenModelOptions } from "./model-host.js";
import type { ModelSource } from "./model-source.js";
import { resolveModel } from "./open-described.js";

/** The bytes of a model as an ONNX file; see `encodeOnnx`. */
export async function toOnnx<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F,
  { outputs, dynamicSize }: ExportOnnxOptions,
): Promise<Uint8Array> {
  const { signal } = options;
  throwIfAborted(signal);
  const prepared = await untilAborted(signal, resolveModel(host, source, options));
  const kept = { ...(outputs === undefined ? {} : { outputs }), ...(dynamicSize === undefined ? {} : { dynamicSize }) };
  const { chunks } = await untilAborted(signal, encodeOnnx(host.platform, prepared, kept));
  return concatChunks(chunks);
}
