// Values of an exported neural field as CSV, or a slice of it as a grey picture.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Field } from "./field.mjs";

const USAGE = `usage:
  node sample.mjs FIELD.onnx                                        what the model says of itself
  node sample.mjs FIELD.onnx --points POSITIONS.csv --out VALUES.csv   lines of x,y,z in world coordinates
  node sample.mjs FIELD.onnx --slice z=12 --out SLICE.pgm [--scale 2]  a slice at a sample index`;

/** World positions (Float64Array) from text: three numbers a line, after a header or none. */
function positions(text) {
  const rows = text.split(/\r?\n/).map((line) => line.split(",")).filter((row) => row.some((cell) => cell.trim()));
  if (rows.length && rows[0].some((cell) => Number.isNaN(Number(cell)))) rows.shift();
  const bad = rows.find((row) => row.length !== 3 || row.some((cell) => !cell.trim() || !Number.isFinite(Number(cell))));
  if (bad) throw new Error(`positions are three numbers a line, x,y,z, not '${bad.join(",")}'`);
  return Float64Array.from(rows.flat(), Number);
}

/** Positions and values as CSV: x,y,z and the array's name, or name:0, name:1, ... of components. */
function csv(world, values, { array, components }) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const names = components > 1 ? Array.from({ length: components }, (_, c) => quoted(`${array}:${c}`)) : [quoted(array)];
  const lines = [["x", "y", "z", ...names].join(",")];
  for (let i = 0; i < world.length / 3; i++) {
    const row = values.subarray(i * components, (i + 1) * components);
    lines.push([...world.subarray(3 * i, 3 * i + 3), ...row].join(","));
  }
  return lines.join("\n") + "\n";
}

/** The first component as a binary PGM: black is its smallest value in the volume, white its largest, y upwards. */
function pgm({ width, height, values }, { value_range: [[low, high]], components }) {
  const pixels = new Uint8ClampedArray(width * height); // rounds, and holds to 0 ... 255
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const value = values[((height - 1 - row) * width + column) * components];
      pixels[row * width + column] = (255 * (value - low)) / (high - low || 1);
    }
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), Buffer.from(pixels.buffer)]);
}

async function main() {
  const options = { points: { type: "string" }, slice: { type: "string" }, out: { type: "string" }, scale: { type: "string" } };
  const { values: given, positionals } = parseArgs({ options, allowPositionals: true });
  if (positionals.length !== 1 || (given.points && given.slice)) throw new Error(USAGE);
  if ((given.points || given.slice) && !given.out) throw new Error("--out FILE is missing");
  const field = await Field.open(await readFile(positionals[0]));
  if (given.points) {
    const world = positions(await readFile(given.points, "utf8"));
    await writeFile(given.out, csv(world, await field.sample(world), field.about));
  } else if (given.slice) {
    const [, axis, index] = given.slice.match(/^([xyz])=(\d+(?:\.\d+)?)$/) ?? [];
    const scale = Number(given.scale ?? 1);
    if (!axis) throw new Error(`--slice is an axis and a sample index, such as z=12, not '${given.slice}'`);
    const last = field.about.dims["xyz".indexOf(axis)] - 1;
    if (Number(index) > last) throw new Error(`--slice ${given.slice} is outside: the last sample is ${axis}=${last}`);
    if (!Number.isInteger(scale) || scale < 1) throw new Error(`--scale is a whole number from 1 on, not '${given.scale}'`);
    await writeFile(given.out, pgm(await field.slice(axis, Number(index), scale), field.about));
  } else {
    console.log(JSON.stringify(field.about, null, 2));
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
