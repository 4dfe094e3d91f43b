// Bundles our modules with the pinned packages, and makes one sprite of the icons that are used.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const icons = join(dirname(createRequire(import.meta.url).resolve("lucide-static/package.json")), "icons");

async function bundle() {
  await build({
    entryPoints: ["app", "composer", "outbox", "signature"].map((name) => join(here, `js/${name}.js`)),
    outdir: dist,
    bundle: true,
    format: "esm",
    // What both need is loaded once: a second htmx on the page would answer every click twice.
    splitting: true,
    chunkNames: "chunk-[hash]",
    target: "es2022",
    minify: true,
    sourcemap: false,
    legalComments: "eof",
    logLevel: "warning",
  });
}

async function symbol(name) {
  let svg;
  try {
    svg = await readFile(join(icons, `${name}.svg`), "utf8");
  } catch {
    throw new Error(`icons.txt names "${name}", which lucide-static does not have`);
  }
  const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return (
    // How it is drawn is up to the stylesheet (.icon): attributes here could not be overridden there.
    `<symbol id="i-${name}" viewBox="0 0 24 24">${shapes.replace(/\s+/g, " ").trim()}</symbol>`
  );
}

async function sprite() {
  const list = await readFile(join(here, "icons.txt"), "utf8");
  const names = [...new Set(list.split("\n").map((line) => line.replace(/#.*/, "").trim()))].filter(Boolean).sort();
  const symbols = await Promise.all(names.map(symbol));
  await writeFile(join(dist, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
}

await mkdir(dist, { recursive: true });
for (const name of await readdir(dist)) {
  if (name.startsWith("chunk-")) await rm(join(dist, name));
}
await Promise.all([bundle(), sprite()]);
