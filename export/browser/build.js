// Bundles ui/ and runtime/ into dist/: the pages' parts (PARTS), worker.js, and chunks,
// and beside them the WebAssembly files of onnxruntime-web that the worker loads. Each file is compressed once, here: serve.py
// hands out the .br or .gz beside it.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";

// Plain WebAssembly for the CPU; "asyncify" is the build with WebGPU. Only the one in use is fetched.
const WASM_FILES = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"];

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
  splitting: true, // one chunk per execution provider, fetched when needed
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "linked",
  conditions: ["onnxruntime-web-use-extern-wasm"],
});

const resolve = createRequire(import.meta.url).resolve;
for (const name of WASM_FILES) {
  for (const ending of ["mjs", "wasm"]) {
    copyFileSync(resolve(`onnxruntime-web/${name}.${ending}`), `dist/${name}.${ending}`);
  }
}

// Of 14 MB WebAssembly quality 6 leaves 2.8 MB after 0.7 s, 11 leaves 2.3 MB after 32 s; whoever installs the project waits for it.
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };

await Promise.all(
  readdirSync("dist").map(async (name) => {
    const content = readFileSync(`dist/${name}`);
    writeFileSync(`dist/${name}.br`, await promisify(brotliCompress)(content, BROTLI));
    writeFileSync(`dist/${name}.gz`, await promisify(gzip)(content, { level: 9 }));
  }),
);
