import { writeFile } from "node:fs/promises";
import { fineTune, imageFolder, toOnnx } from "inceptionkit";

const [base = "", folder = "", out = "fine-tuned.onnx"] = process.argv.slice(2);
const settings = { recipe: "head", epochs: 5, batchSize: 4, valFraction: 0.25 };
const onEvent = ({ kind, row }) => kind === "epoch" && console.log(`epoch ${row.epoch}: loss ${row.trainLoss.toFixed(3)}, top-1 ${row.top1}`);
const { model } = await fineTune(base, imageFolder(folder), { ...settings, onEvent });
await writeFile(out, await toOnnx(model));
console.log(`${out} distinguishes ${model.classNames.join(", ")}`);
await model.close();
