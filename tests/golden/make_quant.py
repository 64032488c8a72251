"""Makes quant.gguf: random blocks of each format and, as NAME.expected, what the `gguf` package (0.19)
makes of them. Run with Python that has numpy and gguf: python make_quant.py"""
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, quants

SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_K": [0, 2], "Q6_K": [208]}  # bytes where float16 scales stand


def blocks(rng, name, count):
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    data = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in SCALES[name]:  # finite scales of every magnitude, subnormal ones too
        scale = rng.integers(0, 0x7c00, count).astype(np.uint16) | rng.integers(0, 2, count).astype(np.uint16) << 15
        data[:, at:at + 2] = scale.view(np.uint8).reshape(count, 2)
    return data.reshape(2, -1), elements


def main():
    rng = np.random.default_rng(20)
    writer = GGUFWriter(str(pathlib.Path(__file__).with_name("quant.gguf")), "test")
    writer.add_int32("number", -5)
    writer.add_float32("real", 0.5)
    writer.add_string("text", "héllo")
    writer.add_array("list", ["a", "", "ccc"])
    writer.add_array("numbers", [1, 2, 300])
    writer.add_bool("truth", True)
    for name in SCALES:
        kind = GGMLQuantizationType[name]
        data, elements = blocks(rng, name, 512 // GGML_QUANT_SIZES[kind][0] * 4)
        expected = quants.dequantize(data, kind).astype(np.float32)
        writer.add_tensor(name, data, raw_dtype=kind)
        writer.add_tensor(f"{name}.expected", expected)
    values = rng.standard_normal((3, 64)).astype(np.float32)
    half = values.astype(np.float16)
    writer.add_tensor("F16", half)
    writer.add_tensor("F16.expected", half.astype(np.float32))
    brain = quants.quantize(values, GGMLQuantizationType.BF16)
    writer.add_tensor("BF16", brain, raw_dtype=GGMLQuantizationType.BF16)
    writer.add_tensor("BF16.expected", quants.dequantize(brain, GGMLQuantizationType.BF16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
