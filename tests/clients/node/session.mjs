// What a user of the official Node SDK writes; prints one JSON object of what it saw. Run by test_openai_node.py.
import { writeFileSync } from "node:fs";
import OpenAI, { toFile } from "openai";

const [baseURL, apiKey, png] = process.argv.slice(2);
const requests = [];
const client = new OpenAI({
  baseURL,
  apiKey,
  fetch: (url, init) => {
    requests.push(`${init.method ?? "get"} ${new URL(url).pathname}`.toLowerCase());
    return fetch(url, init);
  },
});
const seen = {};

const until = async (id) => {
  for (;;) {
    const video = await client.videos.retrieve(id);
    if (!["queued", "in_progress"].includes(video.status)) return video;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const refused = async (call) => {
  const before = requests.length;
  try {
    await call();
  } catch (error) {
    const { status, code, type, param, requestID } = error;
    return { kind: error.constructor.name, status, code, type, param, requestID, sent: requests.length - before };
  }
  throw new Error("the call was not refused");
};

const first = await client.videos.create({ prompt: "x" });
seen.first = first;
seen.completed = await until(first.id);
const content = await client.videos.downloadContent(first.id);
const bytes = Buffer.from(await content.arrayBuffer());
seen.content = { ftyp: bytes.subarray(4, 8).toString(), bytes: bytes.length, header: content.headers.get("content-length") };
const thumbnail = await client.videos.downloadContent(first.id, { variant: "thumbnail" });
seen.thumbnail = Buffer.from(await thumbnail.arrayBuffer()).subarray(8, 12).toString();

const image = Buffer.from(png, "base64");
const withFile = await client.videos.create({
  prompt: "x",
  model: "kling-3-0",
  seconds: "8",
  size: "1280x720",
  input_reference: await toFile(image, "start.png", { type: "image/png" }),
});
seen.withFile = await until(withFile.id);
const withUrl = await client.videos.create({ prompt: "x", input_reference: { image_url: `data:image/png;base64,${png}` } });
seen.withUrl = await until(withUrl.id);
const address = { image_url: "https://cdn.example.com/start.png" };
seen.withAddress = await client.videos.create({ prompt: "x", input_reference: address });

seen.remix = await client.videos.remix(first.id, { prompt: "The same at night" });
await until(seen.remix.id);
seen.listed = [];
for await (const video of client.videos.list({ limit: 2 })) seen.listed.push(video.id);
const keyed = { headers: { "Idempotency-Key": "k1" } };
const once = await client.videos.create({ prompt: "x" }, keyed);
seen.isRepeated = (await client.videos.create({ prompt: "x" }, keyed)).id === once.id;
seen.deleted = await client.videos.delete(first.id);

seen.refused = {
  deleted: await refused(() => client.videos.retrieve(first.id)),
  model: await refused(() => client.videos.create({ prompt: "x", model: "sora-9" })),
  conflict: await refused(() => client.videos.create({ prompt: "y" }, keyed)),
  key: await refused(() => client.withOptions({ apiKey: "wrong" }).videos.create({ prompt: "x" })),
  edit: await refused(async () => client.videos.edit({ prompt: "x", video: await toFile(image, "a.mp4") })),
  webhooks: await refused(() => client.get("/webhook_endpoints")),
};
writeFileSync(1, JSON.stringify(seen));
