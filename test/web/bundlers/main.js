// The page that every bundler builds: it classifies one photograph and says what it found.
import { preprocess, preprocessedShape, rgbImage } from "inceptionkit/data";
import { createWebSession } from "inceptionkit/web";

const device = new URLSearchParams(location.search).get("device") ?? "auto";
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

async function classify() {
  const [model, pixels, { width, height, recipe }] = await Promise.all([
    bytes("./digits.onnx"),
    bytes("./photo.rgb"),
    (await fetch("./photo.json")).json(),
  ]);
  const started = performance.now();
  const session = await createWebSession(model, { device, openTimeoutMs: 60_000 });
  const seconds = (performance.now() - started) / 1000;
  const image = rgbImage(width, height, pixels);
  const data = preprocess(image, recipe);
  const [input] = session.inputs;
  const { logits } = await session.run({ [input.name]: { dtype: "float32", shape: [1, ...preprocessedShape(recipe, image)], data } });
  await session.close();
  return { device: session.device, isolated: crossOriginIsolated, seconds, logits: [...logits.data] };
}

classify()
  .catch((error) => ({ error: `${error}` }))
  .then((answer) => {
    document.body.innerHTML = '<pre id="answer"></pre>';
    document.querySelector("#answer").textContent = JSON.stringify(answer);
  });
