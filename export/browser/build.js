// Bundles ui/ and runtime/ into dist/: the pages' parts (PARTS), worker.js, and chunks. Beside them what the worker loads: the kernels,
// compiled to WebAssembly, and that of onnxruntime-web. Each file is compressed once, here: serve.py hands out the .br or .gz beside it.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import asc from "assemblyscript/asc";
import { build } from "esbuild";

const KERNELS = "runtime/engine/kernels.ts"; // what a processor computes with,
const BUILDS = { kernels: ["simd"], kernels_relaxed: ["simd", "relaxed-simd"] }; // with these instructions
const WITH_WEBGPU = "ort-wasm-simd-threaded.asyncify"; // onnxruntime-web's build for a graphics card

const PARTS = ["live/live_view", "live/record_stream", "live/camera_help", "photos/photos", "picture/picture"].map(
  (name) => `ui/${name}.js`,
);

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");

await build({
  entryPoints: [...PARTS, "runtime/worker.js"],
  entryNames: "[name]",
  outdir: "dist",
  bundle: true,
  splitting: true, // what only some need, as onnxruntime-web, is fetched when needed
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "linked",
  conditions: ["onnxruntime-web-use-extern-wasm"],
});

for (const [name, features] of Object.entries(BUILDS)) {
  const enabled = features.flatMap((feature) => ["--enable", feature]);
  const options = ["-O3", "--noAssert", "--runtime", "stub", "--importMemory", ...enabled];
  const { error, stderr } = await asc.main([KERNELS, "--outFile", `dist/${name}.wasm`, ...options]);
  if (error) throw new Error(`${error.message}\n${stderr}`);
}

const resolve = createRequire(import.meta.url).resolve;
for (const ending of ["mjs", "wasm"]) {
  copyFileSync(resolve(`onnxruntime-web/${WITH_WEBGPU}.${ending}`), `dist/${WITH_WEBGPU}.${ending}`);
}

// Of 27 MB WebAssembly quality 6 leaves 4.8 MB after a second, 11 leaves a sixth less after a minute; whoever installs the project waits for it.
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };

await Promise.all(
  readdirSync("dist").map(async (name) => {
    const content = readFileSync(`dist/${name}`);
    writeFileSync(`dist/${name}.br`, await promisify(brotliCompress)(content, BROTLI));
    writeFileSync(`dist/${name}.gz`, await promisify(gzip)(content, { level: 9 }));
  }),
);
