import { fineTune, imageFolder, toOnnx } from "inceptionkit";

const [folder, status, losses, save] = ["folder", "status", "losses", "save"].map((id) => document.getElementById(id));
const settings = { recipe: "head", epochs: 5, batchSize: 4, valFraction: 0.25 };

function show(event) {
  if (event.kind === "step") {
    const text = `loss ${event.loss.toFixed(3)}`;
    losses.append(Object.assign(document.createElement("li"), { textContent: text }));
  }
  if (event.kind === "epoch") status.value = `Epoch ${event.row.epoch} of ${settings.epochs}`;
}

async function train(files) {
  status.value = "Computing features";
  losses.replaceChildren();
  const { model } = await fineTune("/model.onnx", imageFolder(files), { ...settings, onEvent: show });
  save.href = URL.createObjectURL(new Blob([await toOnnx(model)]));
  status.value = `The model distinguishes ${model.classNames.join(", ")}`;
  await model.close();
}

folder.onchange = () => train(folder.files).catch((error) => Object.assign(status, { value: error.message }));
