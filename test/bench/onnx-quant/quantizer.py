"""python quantizer.py IN OUT BITS SYMMETRIC: a float ONNX graph in blocks of 32, by ONNX Runtime's own quantizer."""

import sys

import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

source, target, bits, symmetric = sys.argv[1:]
quantizer = MatMulNBitsQuantizer(
    onnx.load(source), bits=int(bits), block_size=32, is_symmetric=symmetric == "true", accuracy_level=4
)
quantizer.process()
quantizer.model.save_model_to_file(target, use_external_data_format=False)
