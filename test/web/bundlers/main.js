// The page that every bundler builds: it classifies one photograph and says what it found.
import { createWebSession, imageWorker, readImageInput } from "inceptionkit/web";

const device = new URLSearchParams(location.search).get("device") ?? "auto";
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

async function classify() {
  const [model, recipe, photo] = await Promise.all([
    bytes("./digits.onnx"),
    (await fetch("./preprocessing.json")).json(),
    readImageInput(new URL("./photo.jpg", location.href)),
  ]);
  const images = imageWorker();
  const image = await images.decode(photo.bytes, photo.name);
  const input = await images.prepare(image, recipe);
  images.close();
  const started = performance.now();
  const session = await createWebSession(model, { device, openTimeoutMs: 60_000 });
  const seconds = (performance.now() - started) / 1000;
  const { logits } = await session.run({ [session.inputs[0].name]: input });
  await session.close();
  return { device: session.device, isolated: crossOriginIsolated, seconds, logits: [...logits.data] };
}

classify()
  .catch((error) => ({ error: `${error}` }))
  .then((answer) => {
    document.body.innerHTML = '<pre id="answer"></pre>';
    document.querySelector("#answer").textContent = JSON.stringify(answer);
  });
