/**
 * Benchmark program: the two networks in TensorFlow.js on its WebAssembly backend, in the fastest form that its
 * public operations allow: channels last, batch norm folded into the kernels, convolution + bias + ReLU as one operation,
 * the residual scale folded into the projection.
 *
 * SIMD is used. The package turns its threads off under Node (it starts them from blob URLs, which Node's workers
 * refuse), so this runs on one thread and says so in its replies.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { fill, fillInput, fillWeight } from "./fill.js";
import type { ModelName } from "./networks.js";
import { type BenchProgram, type LoadCommand, type Loaded, serve } from "./serve.js";

const BATCH_NORM_EPSILON = 1e-3;

type Kernel = readonly [height: number, width: number];
type Padding = "same" | "valid" | number;
type Step = (x: tf.Tensor4D) => tf.Tensor4D;

/** Layers that make their weights at first use and keep them. */
interface Layers {
  /** Convolution, folded batch norm, ReLU. `out` channels; kernel 1x1, stride 1 and "same" unless said. */
  readonly conv: (x: tf.Tensor4D, path: string, out: number, kernel?: Kernel, stride?: number, padding?: Padding) => tf.Tensor4D;
  /** 1x1 convolution with bias and no activation, times `scale`. */
  readonly project: (x: tf.Tensor4D, path: string, out: number, scale: number) => tf.Tensor4D;
  readonly dense: (x: tf.Tensor2D, path: string, out: number) => tf.Tensor2D;
  readonly params: () => number;
  readonly dispose: () => void;
}

interface Weights {
  readonly kernel: tf.Tensor;
  readonly bias: tf.Tensor1D;
}

function createLayers(): Layers {
  const kept = new Map<string, Weights>();
  let params = 0;

  function weights(path: string, make: () => { readonly weights: Weights; readonly params: number }): Weights {
    const old = kept.get(path);
    if (old !== undefined) return old;
    const made = make();
    tf.keep(made.weights.kernel);
    tf.keep(made.weights.bias);
    kept.set(path, made.weights);
    params += made.params;
    return made.weights;
  }

  return {
    conv(x, path, out, kernel = [1, 1], stride = 1, padding = "same") {
      const { kernel: filter, bias } = weights(path, () => foldedConv(path, out, x.shape[3], kernel));
      return tf.fused.conv2d({
        x,
        filter: filter.as4D(kernel[0], kernel[1], x.shape[3], out),
        strides: stride,
        pad: padding,
        bias,
        activation: "relu",
        ...(typeof padding === "number" ? { dimRoundingMode: "floor" as const } : {}),
      });
    },
    project(x, path, out, scale) {
      const { kernel: filter, bias } = weights(path, () => scaledProjection(path, out, x.shape[3], scale));
      return tf.fused.conv2d({ x, filter: filter.as4D(1, 1, x.shape[3], out), strides: 1, pad: "same", bias });
    },
    dense(x, path, out) {
      const { kernel: b, bias } = weights(path, () => denseWeights(path, out, x.shape[1]));
      return tf.fused.matMul({ a: x, b: b.as2D(x.shape[1], out), bias }).as2D(x.shape[0], out);
    },
    params: () => params,
    dispose() {
      for (const { kernel, bias } of kept.values()) tf.dispose([kernel, bias]);
      kept.clear();
    },
  };
}

/** `[out, in, kh, kw]` with each output channel times its factor, as `[kh, kw, in, out]`. */
function toChannelsLast(weight: Float32Array, out: number, into: number, [height, width]: Kernel, factor: (channel: number) => number) {
  const result = new Float32Array(weight.length);
  const taps = height * width;
  for (let o = 0, from = 0; o < out; o++) {
    const scale = factor(o);
    for (let i = 0; i < into; i++) {
      for (let tap = 0; tap < taps; tap++) result[(tap * into + i) * out + o] = (weight[from++] ?? 0) * scale;
    }
  }
  return result;
}

function foldedConv(path: string, out: number, into: number, kernel: Kernel) {
  const weight = fillWeight(`${path}.conv.weight`, [out, into, ...kernel]);
  const gamma = fill(`${path}.bn.weight`, out, 0.2, 1);
  const beta = fill(`${path}.bn.bias`, out, 0.1);
  const mean = fill(`${path}.bn.running_mean`, out, 0.1);
  const variance = fill(`${path}.bn.running_var`, out, 0.5, 1);
  const factor = gamma.map((value, channel) => value / Math.sqrt((variance[channel] ?? 0) + BATCH_NORM_EPSILON));
  const bias = beta.map((value, channel) => value - (mean[channel] ?? 0) * (factor[channel] ?? 0));
  const folded = toChannelsLast(weight, out, into, kernel, (channel) => factor[channel] ?? 0);
  return {
    weights: { kernel: tf.tensor4d(folded, [kernel[0], kernel[1], into, out]), bias: tf.tensor1d(bias) },
    params: weight.length + 2 * out,
  };
}

function scaledProjection(path: string, out: number, into: number, scale: number) {
  const weight = fillWeight(`${path}.weight`, [out, into, 1, 1]);
  const bias = fill(`${path}.bias`, out, 0.1).map((value) => value * scale);
  const scaled = toChannelsLast(weight, out, into, [1, 1], () => scale);
  return { weights: { kernel: tf.tensor4d(scaled, [1, 1, into, out]), bias: tf.tensor1d(bias) }, params: weight.length + out };
}

function denseWeights(path: string, out: number, into: number) {
  const weight = fillWeight(`${path}.weight`, [out, into]);
  const transposed = toChannelsLast(weight, out, into, [1, 1], () => 1);
  const bias = tf.tensor1d(fill(`${path}.bias`, out, 0.1));
  return { weights: { kernel: tf.tensor2d(transposed, [into, out]), bias }, params: weight.length + out };
}

/** PyTorch's `ceil` pool of 3x3 stride 2 pads one row at the end of an even map and nothing else. */
function maxPoolCeil(x: tf.Tensor4D): tf.Tensor4D {
  return tf.maxPool(x, 3, 2, x.shape[1] % 2 === 0 ? "same" : "valid");
}

function concat(...parts: tf.Tensor4D[]): tf.Tensor4D {
  return tf.concat(parts, 3);
}

// --- GoogLeNet, public form: batch norm, 3x3 in the third branch, 2x2 pool before 5a ---------------------------

type ModuleWidths = readonly [c1: number, r3: number, c3: number, r5: number, c5: number, pool: number];

function googlenet(layers: Layers): readonly Step[] {
  const { conv } = layers;
  const module =
    (name: string, [c1, r3, c3, r5, c5, pool]: ModuleWidths): Step =>
    (x) => {
      const path = `inception${name}`;
      return concat(
        conv(x, `${path}.branch1`, c1),
        conv(conv(x, `${path}.branch2.0`, r3), `${path}.branch2.1`, c3, [3, 3]),
        conv(conv(x, `${path}.branch3.0`, r5), `${path}.branch3.1`, c5, [3, 3]),
        conv(tf.maxPool(x, 3, 1, "same"), `${path}.branch4.1`, pool),
      );
    };
  return [
    (x) => conv(x, "conv1", 64, [7, 7], 2, 3),
    maxPoolCeil,
    (x) => conv(conv(x, "conv2", 64), "conv3", 192, [3, 3]),
    maxPoolCeil,
    module("3a", [64, 96, 128, 16, 32, 32]),
    module("3b", [128, 128, 192, 32, 96, 64]),
    maxPoolCeil,
    module("4a", [192, 96, 208, 16, 48, 64]),
    module("4b", [160, 112, 224, 24, 64, 64]),
    module("4c", [128, 128, 256, 24, 64, 64]),
    module("4d", [112, 144, 288, 32, 64, 64]),
    module("4e", [256, 160, 320, 32, 128, 128]),
    (x) => tf.maxPool(x, 2, 2, "same"),
    module("5a", [256, 160, 320, 32, 128, 128]),
    module("5b", [384, 192, 384, 48, 128, 128]),
  ];
}

// --- Inception-ResNet-v2, public form ------------------------------------------------------------------------------

function inceptionResnetV2(layers: Layers): readonly Step[] {
  const { conv } = layers;
  const repeat = (count: number, block: (index: number) => Step) => Array.from({ length: count }, (_, index) => block(index));
  return [
    (x) => conv(x, "conv2d_1a", 32, [3, 3], 2, "valid"),
    (x) => conv(x, "conv2d_2a", 32, [3, 3], 1, "valid"),
    (x) => conv(x, "conv2d_2b", 64, [3, 3]),
    (x) => tf.maxPool(x, 3, 2, "valid"),
    (x) => conv(x, "conv2d_3b", 80),
    (x) => conv(x, "conv2d_4a", 192, [3, 3], 1, "valid"),
    (x) => tf.maxPool(x, 3, 2, "valid"),
    mixed5b(layers),
    ...repeat(10, (index) => blockA(layers, `repeat.${index}`)),
    mixed6a(layers),
    ...repeat(20, (index) => blockB(layers, `repeat_1.${index}`)),
    mixed7a(layers),
    ...repeat(9, (index) => blockC(layers, `repeat_2.${index}`, 0.2, true)),
    blockC(layers, "block8", 1, false),
    (x) => conv(x, "conv2d_7b", 1536),
  ];
}

const mixed5b =
  ({ conv }: Layers): Step =>
  (x) => {
    const path = "mixed_5b.branch";
    return concat(
      conv(x, `${path}0`, 96),
      conv(conv(x, `${path}1.0`, 48), `${path}1.1`, 64, [5, 5]),
      conv(conv(conv(x, `${path}2.0`, 64), `${path}2.1`, 96, [3, 3]), `${path}2.2`, 96, [3, 3]),
      conv(tf.avgPool(x, 3, 1, "same"), `${path}3.1`, 64),
    );
  };

const blockA =
  ({ conv, project }: Layers, path: string): Step =>
  (x) => {
    const branches = concat(
      conv(x, `${path}.branch0`, 32),
      conv(conv(x, `${path}.branch1.0`, 32), `${path}.branch1.1`, 32, [3, 3]),
      conv(conv(conv(x, `${path}.branch2.0`, 32), `${path}.branch2.1`, 48, [3, 3]), `${path}.branch2.2`, 64, [3, 3]),
    );
    return tf.relu(tf.add(x, project(branches, `${path}.conv2d`, 320, 0.17)));
  };

const mixed6a =
  ({ conv }: Layers): Step =>
  (x) => {
    const path = "mixed_6a.branch";
    const reduced = conv(conv(x, `${path}1.0`, 256), `${path}1.1`, 256, [3, 3]);
    return concat(
      conv(x, `${path}0`, 384, [3, 3], 2, "valid"),
      conv(reduced, `${path}1.2`, 384, [3, 3], 2, "valid"),
      tf.maxPool(x, 3, 2, "valid"),
    );
  };

const blockB =
  ({ conv, project }: Layers, path: string): Step =>
  (x) => {
    const branches = concat(
      conv(x, `${path}.branch0`, 192),
      conv(conv(conv(x, `${path}.branch1.0`, 128), `${path}.branch1.1`, 160, [1, 7]), `${path}.branch1.2`, 192, [7, 1]),
    );
    return tf.relu(tf.add(x, project(branches, `${path}.conv2d`, 1088, 0.1)));
  };

const mixed7a =
  ({ conv }: Layers): Step =>
  (x) => {
    const path = "mixed_7a.branch";
    return concat(
      conv(conv(x, `${path}0.0`, 256), `${path}0.1`, 384, [3, 3], 2, "valid"),
      conv(conv(x, `${path}1.0`, 256), `${path}1.1`, 288, [3, 3], 2, "valid"),
      conv(conv(conv(x, `${path}2.0`, 256), `${path}2.1`, 288, [3, 3]), `${path}2.2`, 320, [3, 3], 2, "valid"),
      tf.maxPool(x, 3, 2, "valid"),
    );
  };

const blockC =
  ({ conv, project }: Layers, path: string, scale: number, activation: boolean): Step =>
  (x) => {
    const branches = concat(
      conv(x, `${path}.branch0`, 192),
      conv(conv(conv(x, `${path}.branch1.0`, 192), `${path}.branch1.1`, 224, [1, 3]), `${path}.branch1.2`, 256, [3, 1]),
    );
    const sum: tf.Tensor4D = tf.add(x, project(branches, `${path}.conv2d`, 2080, scale));
    return activation ? tf.relu(sum) : sum;
  };

// --- running -------------------------------------------------------------------------------------------------------

interface Network {
  /** Name of the model in the golden files, from which the input is drawn. */
  readonly key: string;
  readonly steps: (layers: Layers) => readonly Step[];
  readonly head: string;
  /** Smallest input, used to make the weights. */
  readonly minSize: number;
}

const NETWORKS: Readonly<Record<Exclude<ModelName, "inception_resnet_3d">, Network>> = {
  googlenet: { key: "torchvision.googlenet", steps: googlenet, head: "fc", minSize: 15 },
  inception_resnet_v2: { key: "timm.inception_resnet_v2", steps: inceptionResnetV2, head: "classif", minSize: 75 },
};

/** Runs step after step, freeing each map as soon as the next is there, and returns logits that the caller frees. */
function run(steps: readonly Step[], layers: Layers, head: string, input: tf.Tensor4D): tf.Tensor2D {
  let x = input;
  for (const step of steps) {
    const y = tf.tidy(() => step(x));
    if (x !== input) x.dispose();
    x = y;
  }
  const logits = tf.tidy(() => layers.dense(tf.mean<tf.Tensor2D>(x, [1, 2]), head, 1000));
  x.dispose();
  return logits;
}

interface Session {
  readonly forward: () => Promise<Float32Array>;
  readonly params: number;
  readonly dispose: () => void;
}

function open({ model, batch, size }: LoadCommand): Session {
  if (model === "inception_resnet_3d") throw new RangeError(`Cannot load model "${model}": its backend has no convolutions of volumes`);
  const { key, steps: build, head, minSize } = NETWORKS[model];
  const layers = createLayers();
  const steps = build(layers);
  const smallest = tf.zeros<tf.Rank.R4>([1, minSize, minSize, 3]);
  tf.dispose([run(steps, layers, head, smallest), smallest]);
  const input = tf.tidy(() =>
    tf.tensor4d(fillInput(key, [batch, 3, size, size]), [batch, 3, size, size]).transpose<tf.Tensor4D>([0, 2, 3, 1]),
  );
  return {
    async forward() {
      const logits = run(steps, layers, head, input);
      const values = await logits.data<"float32">();
      logits.dispose();
      return values;
    },
    params: layers.params(),
    dispose() {
      layers.dispose();
      input.dispose();
    },
  };
}

function createProgram(): BenchProgram {
  let session: Session | undefined;
  return {
    name: "tfjs-wasm",
    version: tf.version.tfjs,
    async load(command): Promise<Loaded> {
      session?.dispose();
      session = open(command);
      return { params: session.params, threads: 1 };
    },
    async forward() {
      if (session === undefined) throw new Error('Cannot run: no network is loaded, send "load" first');
      return session.forward();
    },
  };
}

const backendFile = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
setWasmPaths(`${dirname(backendFile)}/`);
tf.enableProdMode();
if (!(await tf.setBackend("wasm"))) throw new Error("Cannot start the WebAssembly backend of TensorFlow.js");
await serve(createProgram());
