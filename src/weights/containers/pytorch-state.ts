import { InceptionError } from "../../errors.js";
import { checkedElementCount, elementSpan, isCount, MAX_RANK } from "../../formats/element-layout.js";
import type { PickleCall, PickleValue } from "../../formats/pickle.js";
import { quoted } from "../../formats/quoted.js";
import { bytesPerElement, type DType } from "../../tensor/dtype.js";
import { formatCount } from "../../text.js";

/**
 * What torch.save's pickles mean: which globals may be named, which calls are tensors, and what the tensors are called.
 * Source: torch/_utils.py and torch/serialization.py of PyTorch 1.13.
 */

const STORAGE_DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["torch.DoubleStorage", "float64"],
  ["torch.FloatStorage", "float32"],
  ["torch.HalfStorage", "float16"],
  ["torch.BFloat16Storage", "bfloat16"],
  ["torch.LongStorage", "int64"],
  ["torch.IntStorage", "int32"],
  ["torch.ShortStorage", "int16"],
  ["torch.CharStorage", "int8"],
  ["torch.ByteStorage", "uint8"],
  ["torch.BoolStorage", "bool"],
]);

/** PyTorch before 0.4 wrote the first; both start with (storage, offset, size, stride). */
const REBUILD_TENSOR: ReadonlySet<string> = new Set(["torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"]);
const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
const SIZE = "torch.Size";

/** The closed list. Each is a value or a record here, whatever Python would do with it. */
export const TORCH_GLOBALS: ReadonlySet<string> = new Set([
  ...STORAGE_DTYPES.keys(),
  ...REBUILD_TENSOR,
  REBUILD_PARAMETER,
  "collections.OrderedDict",
  SIZE,
  "torch.device",
  // Element types that options beside the tensors name.
  ...["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"].map((name) => `torch.${name}`),
]);

/** Keys under which training scripts keep the network beside epoch, optimizer and so on. */
const WRAPPER_KEYS = ["state_dict", "model_state_dict", "model"] as const;
/** What DataParallel and DistributedDataParallel put before every name. */
const PARALLEL_PREFIX = "module.";

/** Checkpoints nest five deep (optimizer, state, parameter, buffer); more than this is a loop. */
const MAX_DEPTH = 16;
/** Dict entries visited. As many as a pickle has opcodes: only dicts that contain one dict many times come near. */
const MAX_VISITS = 1_000_000;
/** Characters of a tensor name; the longest in use are near 120. */
const MAX_NAME_LENGTH = 1024;
/** Bytes of all tensors over bytes of the file. Tensors may share memory (tied weights: 2), but not multiply it without end. */
const MAX_SHARING = 8;

/** A tensor as its pickle describes it: a strided view of a storage. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
  /** First element, counted from the start of the storage. */
  readonly offset: number;
  /** Number of elements. */
  readonly count: number;
  readonly storage: StorageRef;
}

export interface StorageRef {
  /** The storage's name in the file. */
  readonly key: string;
  readonly dtype: DType;
  /** Number of elements. */
  readonly count: number;
}

export interface StateDict {
  readonly tensors: readonly StoredTensor[];
  /** `pytorch.unwrapped` and `pytorch.stripped`, where something was. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Find the tensors in what a checkpoint's pickle holds, named by their key path joined with dots. A root dict with
 * exactly one dict of tensors under `state_dict`, `model_state_dict` or `model` stands for that dict; the prefix
 * `module.` is dropped where every tensor has it.
 *
 * @param file - name of the file, for messages
 * @param fileSize - in bytes; bounds the tensors
 * @throws InceptionError FILE_UNSUPPORTED (no dict of tensors), FILE_CORRUPT, FILE_LIMIT
 */
export function readStateDict(root: PickleValue, file: string, fileSize: number): StateDict {
  if (!(root instanceof Map)) {
    throw fileError("FILE_UNSUPPORTED", file, "it contains no dict of named tensors; save model.state_dict()");
  }
  const unwrapped = unwrap(root);
  const walk: Walk = { file, tensors: new Map(), visits: 0 };
  collect(walk, unwrapped.dict, "", 0);
  if (walk.tensors.size === 0) throw fileError("FILE_UNSUPPORTED", file, "it contains no tensors; save model.state_dict()");
  checkSharing([...walk.tensors.values()], file, fileSize);
  const parallel = [...walk.tensors.keys()].every((name) => name.startsWith(PARALLEL_PREFIX) && name !== PARALLEL_PREFIX);
  const tensors = [...walk.tensors.values()].map((tensor) =>
    parallel ? { ...tensor, name: tensor.name.slice(PARALLEL_PREFIX.length) } : tensor,
  );
  return {
    tensors,
    metadata: {
      ...(unwrapped.key === null ? {} : { "pytorch.unwrapped": unwrapped.key }),
      ...(parallel ? { "pytorch.stripped": PARALLEL_PREFIX } : {}),
    },
  };
}

function fileError(code: "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_UNSUPPORTED", file: string, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read PyTorch file ${quoted(file)}: ${fact}`, { file });
}

function tensorError(code: "FILE_CORRUPT" | "FILE_UNSUPPORTED", file: string, name: string, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read tensor ${quoted(name)} of ${quoted(file)}: ${fact}`, { file, tensor: name });
}

function unwrap(root: Map<PickleValue, PickleValue>): { readonly dict: Map<PickleValue, PickleValue>; readonly key: string | null } {
  const found = WRAPPER_KEYS.flatMap((key) => {
    const dict = root.get(key);
    return dict instanceof Map && [...dict.values()].some((value) => tensorCall(value) !== null) ? [{ dict, key }] : [];
  });
  const [only, ...others] = found;
  return only !== undefined && others.length === 0 ? only : { dict: root, key: null };
}

interface Walk {
  readonly file: string;
  readonly tensors: Map<string, StoredTensor>;
  visits: number;
}

function collect(walk: Walk, value: Map<PickleValue, PickleValue> | PickleValue[], path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw fileError("FILE_LIMIT", walk.file, `its dicts nest deeper than ${MAX_DEPTH} at ${quoted(path)}`);
  for (const [key, item] of value.entries()) {
    if (++walk.visits > MAX_VISITS) throw fileError("FILE_LIMIT", walk.file, `its dicts have more than ${MAX_VISITS} entries`);
    if (typeof key !== "string" && typeof key !== "number") continue;
    const name = path === "" ? `${key}` : `${path}.${key}`;
    const call = tensorCall(item);
    if (call !== null) {
      if (name.length > MAX_NAME_LENGTH) {
        throw fileError("FILE_LIMIT", walk.file, `the name of tensor ${quoted(name)} is longer than ${MAX_NAME_LENGTH} characters`);
      }
      if (walk.tensors.has(name)) throw tensorError("FILE_CORRUPT", walk.file, name, "another tensor has the same name");
      walk.tensors.set(name, describe(call, name, walk.file));
    } else if (item instanceof Map || Array.isArray(item)) {
      collect(walk, item, name, depth + 1);
    }
  }
}

function isCall(value: PickleValue | undefined): value is PickleCall {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "call";
}

/** The call that makes a tensor, out of its Parameter if it is one; null for everything else. */
function tensorCall(value: PickleValue): PickleCall | null {
  if (!isCall(value)) return null;
  if (REBUILD_TENSOR.has(value.callee)) return value;
  const data = value.callee === REBUILD_PARAMETER ? value.args[0] : undefined;
  return isCall(data) && REBUILD_TENSOR.has(data.callee) ? data : null;
}

function describe(call: PickleCall, name: string, file: string): StoredTensor {
  const [persistent, offset, size, stride] = call.args;
  const storage = readStorageRef(persistent, (code, fact) => tensorError(code, file, name, fact));
  const shape = readCounts(size);
  const strides = readCounts(stride);
  if (!isCount(offset) || shape === null || strides === null || shape.length !== strides.length || shape.length > MAX_RANK) {
    throw tensorError(
      "FILE_CORRUPT",
      file,
      name,
      `offset, size and stride must be integers in [0, 2^53), as many of size as of stride, at most ${MAX_RANK}`,
    );
  }
  const where = `${storage.dtype} [${shape.join(", ")}]`;
  const count = checkedElementCount(shape);
  if (count === null) throw tensorError("FILE_CORRUPT", file, name, `${where} has 2^53 elements or more`);
  const span = count === 0 ? 0 : elementSpan(shape, strides);
  if (span === null || offset + span > storage.count) {
    const end = span === null ? "beyond 2^53" : offset + span;
    throw tensorError(
      "FILE_CORRUPT",
      file,
      name,
      `${where} ends at element ${end} of storage ${quoted(storage.key)}, which has ${storage.count}`,
    );
  }
  // Only strides of 0 or overlapping rows do this; expanding them could turn one byte into any amount of memory.
  if (count > storage.count) {
    throw tensorError(
      "FILE_UNSUPPORTED",
      file,
      name,
      `${where} repeats elements of a storage of ${storage.count}; call contiguous() before saving`,
    );
  }
  return { name, dtype: storage.dtype, shape, strides, offset, count, storage };
}

function readCounts(value: PickleValue | undefined): number[] | null {
  const items = isCall(value) && value.callee === SIZE ? value.args[0] : value;
  if (!Array.isArray(items)) return null;
  const counts = items.filter(isCount);
  return counts.length === items.length ? counts : null;
}

type Fail = (code: "FILE_CORRUPT" | "FILE_UNSUPPORTED", fact: string) => InceptionError;

/**
 * A storage as torch.save refers to it: ("storage", class, key, device, element count), in the legacy layout with a sixth
 * element that is None, or else describes a view of another storage.
 *
 * @param fail - makes the error, which says where the storage is used
 */
export function readStorageRef(value: PickleValue | undefined, fail: Fail): StorageRef {
  const id = typeof value === "object" && value !== null && "kind" in value && value.kind === "persistent" ? value.id : null;
  const [tag, type, key, , count, view = null] = Array.isArray(id) ? id : [];
  const typeName = typeof type === "object" && type !== null && "kind" in type && type.kind === "global" ? type.name : "";
  const dtype = STORAGE_DTYPES.get(typeName);
  if (tag !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(count)) {
    throw fail("FILE_CORRUPT", 'a storage is not given as ("storage", class, key, device, element count)');
  }
  if (view !== null) throw fail("FILE_UNSUPPORTED", `storage ${quoted(key)} is a view of another storage; call clone() before saving`);
  return { key, dtype, count };
}

function checkSharing(tensors: readonly StoredTensor[], file: string, fileSize: number): void {
  const total = tensors.reduce((sum, { count, dtype }) => sum + count * bytesPerElement(dtype), 0);
  if (total <= MAX_SHARING * fileSize) return;
  throw fileError(
    "FILE_LIMIT",
    file,
    `its tensors take ${formatCount(total)} bytes, the limit is ${MAX_SHARING} times the file size of ${formatCount(fileSize)}`,
  );
}
