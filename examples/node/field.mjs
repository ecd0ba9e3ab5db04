// A neural field exported as .onnx, in JavaScript: what it says of itself, its values anywhere.
// Nothing here is Node's own: a bundler makes the same of it for a browser.
import * as ort from "onnxruntime-web";
import { PbfReader } from "pbf";

const CHUNK = 1 << 15; // points a run: bounds the memory of what lies between the layers
const AXES = { x: 0, y: 1, z: 2 };

/** The entries "srn.*" of the model's metadata, parsed, without their prefix (see docs/onnx.md). */
export function metadata(model) {
  const MODEL_METADATA = 14; // ModelProto.metadata_props in onnx.proto; its entries are 1: key, 2: value
  return new PbfReader(model).readFields((field, about, reader) => {
    if (field !== MODEL_METADATA) return;
    const entry = reader.readMessage((part, pair, inner) => { pair[part] = inner.readString(); }, {});
    if (entry[1].startsWith("srn.")) about[entry[1].slice(4)] = JSON.parse(entry[2]);
  }, {});
}

export class Field {
  constructor(session, about) {
    this.session = session;
    this.about = about;
  }

  /** Open a model's bytes (Uint8Array). Throws where they are not a model that `srn export` wrote. */
  static async open(model) {
    let about = {};
    try {
      about = metadata(model);
    } catch {} // no model at all: said below
    if (!about.dims) throw new Error("this is not an .onnx model written by 'srn export'");
    return new Field(await ort.InferenceSession.create(model), about);
  }

  /** Values (Float32Array, N x components) at world positions (Float64Array, N x 3); the border's value outside. */
  async sample(world) {
    const { origin, offset, components, world_to_normalised: matrix } = this.about;
    const values = new Float32Array((world.length / 3) * components);
    for (let begin = 0; begin < world.length; begin += 3 * CHUNK) {
      const part = world.subarray(begin, begin + 3 * CHUNK);
      const points = new Float32Array(part.length); // rounded to float32 here, after the mapping in float64
      for (let i = 0; i < part.length; i += 3) {
        const [x, y, z] = [part[i] - origin[0], part[i + 1] - origin[1], part[i + 2] - origin[2]];
        matrix.forEach((row, axis) => { points[i + axis] = row[0] * x + row[1] * y + row[2] * z + offset[axis]; });
      }
      values.set(await this.#run(points), (begin / 3) * components);
    }
    return values;
  }

  /**
   * One slice at a (fractional) sample index of an axis, "x", "y" or "z", counted from 0, `scale` samples per sample.
   * Gives { width, height, values }, values height x width x components; the axes left run in the order x, y, z.
   */
  async slice(axis, index, scale = 1) {
    const { dims, components } = this.about;
    const [u, v] = Object.values(AXES).filter((a) => a !== AXES[axis]);
    const normalised = (i, a) => (2 * i - (dims[a] - 1)) / Math.max(...dims.map((n) => n - 1), 1);
    const width = (dims[u] - 1) * scale + 1, height = (dims[v] - 1) * scale + 1;
    const values = new Float32Array(width * height * components);
    const rows = Math.max(1, Math.floor(CHUNK / width));
    for (let top = 0; top < height; top += rows) {
      const points = new Float32Array(Math.min(rows, height - top) * width * 3);
      for (let i = 0; i < points.length / 3; i++) {
        points[3 * i + AXES[axis]] = normalised(index, AXES[axis]);
        points[3 * i + u] = normalised((i % width) / scale, u);
        points[3 * i + v] = normalised((top + Math.floor(i / width)) / scale, v);
      }
      values.set(await this.#run(points), top * width * components);
    }
    return { width, height, values };
  }

  async #run(points) {
    const input = new ort.Tensor("float32", points, [points.length / 3, 3]);
    return (await this.session.run({ points: input })).values.data;
  }
}
