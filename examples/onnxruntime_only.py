"""Sample an exported .onnx file at world positions with NumPy and ONNX Runtime alone.

usage: python onnxruntime_only.py FIELD.onnx X Y Z [X Y Z ...]
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = {k[4:]: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items() if k.startswith("srn.")}
world = np.array(sys.argv[2:], float).reshape(-1, 3)
points = (world - about["origin"]) @ np.transpose(about["world_to_normalised"]) + about["offset"]
values = session.run(["values"], {"points": points.astype(np.float32)})[0]
print(about["array"], about["units"])
for position, value in zip(world, values):
    print(*position, "->", *value)
