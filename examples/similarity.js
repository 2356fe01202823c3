import { readdir } from "node:fs/promises";
import { cosineSimilarity, openEmbedder } from "inceptionkit";

const [model = "", folder = "", query = ""] = process.argv.slice(2);
const embedder = await openEmbedder(model);
const files = (await readdir(folder)).map((name) => `${folder}/${name}`);
const [wanted, ...vectors] = await embedder.embed([query, ...files]);
const found = files.map((file, index) => ({ file, similarity: cosineSimilarity(wanted, vectors[index]) }));
console.table(found.sort((a, b) => b.similarity - a.similarity).slice(0, 5));
await embedder.close();
