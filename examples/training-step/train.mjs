// Trains with a step written by `inception export ID --training-step step.onnx`; needs onnxruntime-node and nothing else.
//   node train.mjs step.onnx [steps] [learning rate]
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";

const [stepFile = "step.onnx", steps = "30", learningRate = "0.001"] = process.argv.slice(2);
let seed = 1; // of a small generator, so that each run of this script prints the same
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const tensor = (shape, value) => new ort.Tensor("float32", Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value), shape);
// The first state, a safetensors file: 8 bytes (length of the header), the header (JSON), the values.
const file = readFileSync(stepFile.replace(/\.onnx$/, ".safetensors"));
const start = 8 + Number(file.readBigUInt64LE(0));
const { __metadata__: about, ...entries } = JSON.parse(file.toString("utf8", 8, start));
const state = {};
for (const [name, { shape, data_offsets: [from, to] }] of Object.entries(entries))
  state[name] = new ort.Tensor("float32", new Float32Array(Uint8Array.from(file.subarray(start + from, start + to)).buffer), shape);
// What each run is fed: images, labels, the learning rate, and masks where the network has dropout.
const { feeds } = JSON.parse(about.training);
const [count, , height, width] = feeds.find(({ name }) => name === "input").shape;
const masks = feeds.filter(({ dropRate }) => dropRate !== undefined);
// Generated data: noise with a bright square somewhere in it, red (class 0), green (1) or blue (2).
function draw(classes) {
  const corners = classes.map(() => [random() * 0.5 * height, random() * 0.5 * width]);
  return tensor([count, 3, height, width], (_, i) => {
    const [image, channel] = [Math.floor(i / (3 * height * width)), Math.floor(i / (height * width)) % 3];
    const [y, x] = [(Math.floor(i / width) % height) - corners[image][0], (i % width) - corners[image][1]];
    const bright = channel === classes[image] && y >= 0 && y < height / 2 && x >= 0 && x < width / 2;
    return (bright ? 1 : -0.5) + 0.2 * (random() - 0.5);
  });
}

const session = await ort.InferenceSession.create(stepFile);
for (let step = 1; step <= Number(steps); step++) {
  const classes = Array.from({ length: count }, () => Math.floor(random() * 3));
  const drawn = masks.map(({ name, shape, dropRate }) => [name, tensor(shape, () => (random() < dropRate ? 0 : 1 / (1 - dropRate)))]);
  const fed = { input: draw(classes), labels: new ort.Tensor("int32", Int32Array.from(classes), [count]), learningRate: tensor([], () => Number(learningRate)), ...Object.fromEntries(drawn) };
  const outputs = await session.run({ ...state, ...fed });
  for (const name of Object.keys(state)) state[name] = outputs[`${name}:next`] ?? state[name]; // the outputs are the next run's inputs
  console.log(`step ${step}  loss ${outputs.loss.data[0].toFixed(4)}`);
}
