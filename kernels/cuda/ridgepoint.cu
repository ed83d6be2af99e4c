// All kernels in one translation unit: one image for each architecture.
#include "activations.cu"
#include "attention-decode.cu"
#include "attention-prefill.cu"
#include "matmul-2of4.cu"
#include "matmul.cu"
#include "matvec.cu"
#include "peaks.cu"
#include "stream.cu"
