import type { ByteSource } from "../formats/byte-source.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** One named tensor of a weight file. Shape and dtype are known from the header; the values are read on demand. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  read(): Promise<Tensor>;
}

/** Tensors of a weight file under the names of the file. */
export interface WeightFile {
  /** The container's `format`. */
  readonly format: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** A weight format. `match` peeks and claims; `open` parses what was claimed and throws a typed error on anything wrong. */
export interface WeightContainer {
  readonly format: string;
  /** Usual file name endings, with the dot; for messages and listings only, since `match` decides by content. */
  readonly extensions: readonly string[];
  match(source: ByteSource): Promise<boolean>;
  open(source: ByteSource): Promise<WeightFile>;
}
