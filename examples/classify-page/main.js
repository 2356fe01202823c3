import { openClassifier } from "inceptionkit";

const [photo, status, predictions, overlay] = ["photo", "status", "predictions", "overlay"].map((id) => document.getElementById(id));
const classifier = openClassifier("/model.onnx");
const itemOf = ({ className, probability }) =>
  Object.assign(document.createElement("li"), { textContent: `${className}: ${(100 * probability).toFixed(1)}%` });

async function show(file) {
  const model = await classifier;
  predictions.replaceChildren(...(await model.classify(file, { top: 5 })).map(itemOf));
  const explanation = await model.explain(file);
  overlay.src = URL.createObjectURL(new Blob([await explanation.overlayPng()]));
  status.value = `Grad-CAM of ${explanation.targetClass.className}`;
}

photo.onchange = () => show(photo.files[0]).catch((error) => Object.assign(status, { value: error.message }));
